/* A driver for GPUs that are not there: CUDA as far as ffmpeg uses it for decoding, scaling and encoding. Nothing is
   computed; pictures are grey. How many devices there are stands in the file `devices` beside the library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Symbols of which nothing is expected but success. */
#define QUIET(name) int name() { return 0; }

static int thing;

static int setting(const char *name, int otherwise) {
    Dl_info here;
    char path[4096];
    int value = otherwise;
    if (!dladdr(&thing, &here)) return otherwise;
    const char *end = strrchr(here.dli_fname, '/');
    snprintf(path, sizeof path, "%.*s/%s", end ? (int)(end - here.dli_fname) : 0, here.dli_fname, name);
    FILE *file = fopen(path, "r");
    if (!file) return otherwise;
    if (fscanf(file, "%d", &value) != 1) value = otherwise;
    fclose(file);
    return value;
}

int cuDeviceGetCount(int *count) { *count = setting("devices", 1); return 0; }
int cuDeviceGet(int *device, int index) {
    if (index >= setting("devices", 1)) return 101;
    *device = index;
    return 0;
}
int cuGetErrorName(int error, const char **name) {
    *name = error == 101 ? "CUDA_ERROR_INVALID_DEVICE" : "CUDA_ERROR_UNKNOWN";
    return 0;
}
int cuGetErrorString(int error, const char **text) {
    *text = error == 101 ? "invalid device ordinal" : "unknown error";
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = 512; return 0; }
int cuDeviceGetName(char *name, int length, int device) { snprintf(name, length, "none"); return 0; }
int cuDeviceComputeCapability(int *major, int *minor, int device) { *major = 8; *minor = 6; return 0; }
int cuCtxCreate_v2(void **context, unsigned flags, int device) { *context = &thing; return 0; }
int cuCtxPopCurrent_v2(void **context) { if (context) *context = &thing; return 0; }
int cuCtxGetDevice(int *device) { *device = 0; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = &thing; return 0; }
int cuMemAlloc_v2(size_t *pointer, size_t bytes) { *pointer = (size_t)malloc(bytes); return *pointer ? 0 : 2; }
int cuMemFree_v2(size_t pointer) { free((void *)pointer); return 0; }

struct copy {
    size_t from_x, from_y;
    unsigned from_kind;
    const void *from_host;
    size_t from_device;
    void *from_array;
    size_t from_pitch, to_x, to_y;
    unsigned to_kind;
    void *to_host;
    size_t to_device;
    void *to_array;
    size_t to_pitch, width, height;
};

/* What comes down from the device is grey. */
static int copy(const struct copy *copy) {
    if (copy->to_kind == 1)
        for (size_t row = 0; row < copy->height; row++)
            memset((char *)copy->to_host + (copy->to_y + row) * copy->to_pitch + copy->to_x, 128, copy->width);
    return 0;
}
int cuMemcpy2D_v2(const struct copy *it) { return copy(it); }
int cuMemcpy2DAsync_v2(const struct copy *it, void *stream) { return copy(it); }

QUIET(cuInit)
QUIET(cuCtxSetLimit)
QUIET(cuCtxPushCurrent_v2)
QUIET(cuCtxDestroy_v2)
QUIET(cuMemAllocPitch_v2)
QUIET(cuMemAllocManaged)
QUIET(cuMemsetD8Async)
QUIET(cuMemcpy)
QUIET(cuMemcpyAsync)
QUIET(cuMemcpyHtoD_v2)
QUIET(cuMemcpyHtoDAsync_v2)
QUIET(cuMemcpyDtoH_v2)
QUIET(cuMemcpyDtoHAsync_v2)
QUIET(cuMemcpyDtoD_v2)
QUIET(cuMemcpyDtoDAsync_v2)
QUIET(cuDevicePrimaryCtxRelease)
QUIET(cuDevicePrimaryCtxSetFlags)
QUIET(cuDevicePrimaryCtxGetState)
QUIET(cuDevicePrimaryCtxReset)
QUIET(cuStreamCreate)
QUIET(cuStreamQuery)
QUIET(cuStreamSynchronize)
QUIET(cuStreamDestroy_v2)
QUIET(cuStreamAddCallback)
QUIET(cuEventCreate)
QUIET(cuEventDestroy_v2)
QUIET(cuEventSynchronize)
QUIET(cuEventQuery)
QUIET(cuEventRecord)
QUIET(cuLaunchKernel)
QUIET(cuLinkCreate)
QUIET(cuLinkAddData)
QUIET(cuLinkComplete)
QUIET(cuLinkDestroy)
QUIET(cuModuleLoadData)
QUIET(cuModuleUnload)
QUIET(cuModuleGetFunction)
QUIET(cuModuleGetGlobal)
QUIET(cuTexObjectCreate)
QUIET(cuTexObjectDestroy)
QUIET(cuGLGetDevices_v2)
QUIET(cuGraphicsGLRegisterImage)
QUIET(cuGraphicsUnregisterResource)
QUIET(cuGraphicsMapResources)
QUIET(cuGraphicsUnmapResources)
QUIET(cuGraphicsSubResourceGetMappedArray)
QUIET(cuGraphicsResourceGetMappedPointer_v2)
QUIET(cuArrayCreate_v2)
QUIET(cuArray3DCreate_v2)
QUIET(cuArrayDestroy)
