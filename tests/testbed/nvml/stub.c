/* A libnvidia-ml.so for tests. What it answers stands in the file `readings` beside the library and is read again at
 * every call, so that a test can change the machine while something looks at it. One `key value` a line:
 *
 *   count 4            GPUs; more are only found by opening the library anew, as with the real one
 *   driver 570.86.10   cuda 12080   init 9 (what nvmlInit returns)   generation 2 (another one: the driver restarted)
 *   0.enc 70           a reading of GPU 0; 0.err 15 lets all its calls fail with this code
 *   1.xid 79           an event, once; 1.xid 79#2 is the same one again. 1.dbe 1: a memory error
 *
 * Signatures and numbers: nvml.h. Built with -DOLD_DRIVER it lacks what drivers before 2021 lack, and more.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TIMEOUT = 10, LOST = 15 };
enum { MOST = 64, XID = 8, DOUBLE_BIT = 2 };

typedef struct { int index; } device;

static device devices[MOST];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int opened, known, generation;
static char where[4096];

static void find_file(void) {
    Dl_info info;
    char *slash;
    if (!dladdr((void *)find_file, &info) || !info.dli_fname) return;
    snprintf(where, sizeof where - 16, "%s", info.dli_fname);
    slash = strrchr(where, '/');
    strcpy(slash ? slash + 1 : where, "readings");
}

/* The value of a key; 0 if it is not there. */
static int look_up(const char *key, char *value, size_t room) {
    char line[512];
    size_t length = strlen(key);
    int found = 0;
    FILE *file = where[0] ? fopen(where, "r") : NULL;
    if (!file) return 0;
    while (!found && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, length) || line[length] != ' ') continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(value, room, "%s", line + length + 1);
        found = 1;
    }
    fclose(file);
    return found;
}

static long number(const char *key, long otherwise) {
    char value[64];
    return look_up(key, value, sizeof value) ? atol(value) : otherwise;
}

static int of_device(int index, const char *key, char *value, size_t room) {
    char full[64];
    snprintf(full, sizeof full, "%d.%s", index, key);
    return look_up(full, value, room);
}

static int usable(void) {
    if (!opened) return UNINITIALIZED;
    return number("generation", 1) == generation ? OK : UNINITIALIZED;
}

/* Whether a device answers. */
static int check(device *d) {
    char value[64];
    int state = usable();
    if (state) return state;
    if (d < devices || d >= devices + MOST) return INVALID;
    if (d->index >= number("count", 0)) return LOST;
    return of_device(d->index, "err", value, sizeof value) ? atoi(value) : OK;
}

static int reading(device *d, const char *key, unsigned long long *value) {
    char text[64];
    int state = check(d);
    if (state) return state;
    if (!of_device(d->index, key, text, sizeof text)) return NOT_SUPPORTED;
    *value = strtoull(text, NULL, 10);
    return OK;
}

static int small(device *d, const char *key, unsigned *value) {
    unsigned long long wide = 0;
    int state = reading(d, key, &wide);
    if (!state) *value = (unsigned)wide;
    return state;
}

static int text(device *d, const char *key, char *value, unsigned room) {
    int state = check(d);
    if (state) return state;
    return of_device(d->index, key, value, room) ? OK : NOT_SUPPORTED;
}

int nvmlInit_v2(void) {
    int state, i;
    pthread_mutex_lock(&lock);
    find_file();
    state = (int)number("init", 0);
    if (!state && opened++ == 0) {
        known = (int)number("count", 0);
        if (known > MOST) known = MOST;
        generation = (int)number("generation", 1);
        for (i = 0; i < MOST; i++) devices[i].index = i;
    }
    pthread_mutex_unlock(&lock);
    return state;
}

int nvmlShutdown(void) {
    int state = OK;
    pthread_mutex_lock(&lock);
    if (opened > 0) opened--; else state = UNINITIALIZED;
    pthread_mutex_unlock(&lock);
    return state;
}

int nvmlSystemGetDriverVersion(char *version, unsigned room) {
    return look_up("driver", version, room) ? OK : NOT_SUPPORTED;
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    *version = (int)number("cuda", 0);
    return *version ? OK : NOT_SUPPORTED;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    int state = usable();
    long now = number("count", 0);
    if (!state) *count = (unsigned)(now < known ? now : known);
    return state;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device **d) {
    int state = usable();
    if (state) return state;
    if (index >= (unsigned)known) return INVALID;
    *d = &devices[index];
    return check(*d);
}

int nvmlDeviceGetName(device *d, char *value, unsigned room) { return text(d, "name", value, room); }
int nvmlDeviceGetUUID(device *d, char *value, unsigned room) { return text(d, "uuid", value, room); }
int nvmlDeviceGetIndex(device *d, unsigned *value) { *value = (unsigned)d->index; return check(d); }

typedef struct { unsigned gpu, memory; } rates;
int nvmlDeviceGetUtilizationRates(device *d, rates *value) {
    value->memory = 0;
    return small(d, "sm", &value->gpu);
}
int nvmlDeviceGetEncoderUtilization(device *d, unsigned *value, unsigned *period) {
    *period = 167000;
    return small(d, "enc", value);
}
int nvmlDeviceGetDecoderUtilization(device *d, unsigned *value, unsigned *period) {
    *period = 167000;
    return small(d, "dec", value);
}
int nvmlDeviceGetTemperature(device *d, int sensor, unsigned *value) {
    (void)sensor;
    return small(d, "temp", value);
}
int nvmlDeviceGetPowerUsage(device *d, unsigned *value) {
    int state = small(d, "power", value);
    *value *= 1000;
    return state;
}

typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } pci;
int nvmlDeviceGetPciInfo_v3(device *d, pci *value) {
    memset(value, 0, sizeof *value);
    return text(d, "pci", value->bus_id, sizeof value->bus_id);
}

#ifndef OLD_DRIVER

typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory;
int nvmlDeviceGetMemoryInfo_v2(device *d, memory *value) {
    unsigned long long used = 0, total = 0;
    int state = reading(d, "mem_total", &total);
    if (!state) state = reading(d, "mem_used", &used);
    if (value->version != (sizeof(memory) | 2u << 24)) return 25;
    value->total = total << 20;
    value->used = used << 20;
    value->free = value->total - value->used;
    value->reserved = 0;
    return state;
}
int nvmlDeviceGetEncoderStats(device *d, unsigned *sessions, unsigned *fps, unsigned *latency) {
    *fps = *latency = 0;
    return small(d, "sessions", sessions);
}
int nvmlDeviceGetTemperatureThreshold(device *d, int kind, unsigned *value) {
    return kind == 1 ? small(d, "limit", value) : NOT_SUPPORTED;
}
int nvmlDeviceGetEnforcedPowerLimit(device *d, unsigned *value) {
    int state = small(d, "power_limit", value);
    *value *= 1000;
    return state;
}
int nvmlDeviceGetClockInfo(device *d, int kind, unsigned *value) {
    static const char *const keys[] = {"clock_graphics", "clock_sm", "clock_mem", "clock_video"};
    return kind >= 0 && kind < 4 ? small(d, keys[kind], value) : INVALID;
}
int nvmlDeviceGetCurrPcieLinkGeneration(device *d, unsigned *value) { return small(d, "pcie_gen", value); }
int nvmlDeviceGetCurrPcieLinkWidth(device *d, unsigned *value) { return small(d, "pcie_width", value); }
int nvmlDeviceGetMaxPcieLinkWidth(device *d, unsigned *value) { return small(d, "pcie_max", value); }
int nvmlDeviceGetPcieThroughput(device *d, int kind, unsigned *value) {
    return small(d, kind == 0 ? "tx" : "rx", value);
}
int nvmlDeviceGetTotalEccErrors(device *d, int kind, int counter, unsigned long long *value) {
    (void)counter;
    return reading(d, kind == 0 ? "ecc1" : "ecc2", value);
}

typedef struct { int members[MOST]; } set;
typedef struct { device *device; unsigned long long type, data; unsigned gpu_instance, compute_instance; } event;

int nvmlEventSetCreate(set **out) {
    int state = usable();
    if (state) return state;
    *out = calloc(1, sizeof **out);
    return *out ? OK : 20;
}
int nvmlEventSetFree(set *s) {
    free(s);
    return OK;
}
int nvmlDeviceGetSupportedEventTypes(device *d, unsigned long long *types) {
    *types = XID | DOUBLE_BIT;
    return check(d);
}
int nvmlDeviceRegisterEvents(device *d, unsigned long long types, set *s) {
    char value[8];
    int state = check(d);
    if (state) return state;
    if (of_device(d->index, "no_events", value, sizeof value)) return NOT_SUPPORTED;
    if (types & (XID | DOUBLE_BIT)) s->members[d->index] = 1;
    return OK;
}

static char last_xid[MOST][32], last_dbe[MOST][32];

/* Whether the value differs from the one told before. */
static int is_new(int index, const char *key, char before[32]) {
    char now[32];
    if (!of_device(index, key, now, sizeof now) || !strcmp(now, before)) return 0;
    strcpy(before, now);
    return 1;
}

int nvmlEventSetWait_v2(set *s, event *out, unsigned timeout_ms) {
    const struct timespec step = {0, 5 * 1000 * 1000};
    unsigned waited;
    int i, state;
    for (waited = 0; waited <= timeout_ms; waited += 5) {
        if ((state = usable())) return state;
        for (i = 0; i < known; i++) {
            if (!s->members[i]) continue;
            memset(out, 0, sizeof *out);
            out->device = &devices[i];
            if (is_new(i, "xid", last_xid[i])) {
                out->type = XID;
                out->data = strtoull(last_xid[i], NULL, 10);
                return OK;
            }
            if (is_new(i, "dbe", last_dbe[i])) {
                out->type = DOUBLE_BIT;
                return OK;
            }
        }
        nanosleep(&step, NULL);
    }
    return TIMEOUT;
}

#endif
