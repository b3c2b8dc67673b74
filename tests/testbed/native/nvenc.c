/* NVENC of the GPUs that are not there: makes real H.264 of grey pictures, every one a key frame of uncompressed
   blocks, and no HEVC. The file `sessions` beside the library says how many encoders may be open at once, the file
   `fault` after how many pictures encoding fails as on a device that is gone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, NO_DEVICE = 4, UNSUPPORTED = 12, MEMORY = 10 };

static int sessions, pictures;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int setting(const char *name, int otherwise) {
    Dl_info here;
    char path[4096];
    int value = otherwise;
    if (!dladdr(&sessions, &here)) return otherwise;
    const char *end = strrchr(here.dli_fname, '/');
    snprintf(path, sizeof path, "%.*s/%s", end ? (int)(end - here.dli_fname) : 0, here.dli_fname, name);
    FILE *file = fopen(path, "r");
    if (!file) return otherwise;
    if (fscanf(file, "%d", &value) != 1) value = otherwise;
    fclose(file);
    return value;
}

struct guid { uint32_t a; uint16_t b, c; uint8_t d[8]; };
static const struct guid H264 = {0x6bc82762, 0x4e63, 0x4ca4, {0xaa, 0x85, 0x1e, 0x50, 0xf3, 0x21, 0xf6, 0xbf}};

struct encoder { unsigned width, height, number; };
struct output { uint64_t stamp; size_t length; uint8_t *data; };

/* Bits from the most significant down. */
struct bits { uint8_t *data; size_t at; };
static void put(struct bits *it, uint32_t value, int count) {
    while (count--) {
        if (value >> count & 1) it->data[it->at / 8] |= 0x80 >> it->at % 8;
        it->at++;
    }
}
static void golomb(struct bits *it, uint32_t value) {
    int length = 0;
    while (value + 1 >> (length + 1)) length++;
    put(it, 0, length);
    put(it, value + 1, length + 1);
}
static void end(struct bits *it) {
    put(it, 1, 1);
    it->at = (it->at + 7) / 8 * 8;
}
static void start(struct bits *it, uint32_t header) { put(it, 1, 32); put(it, header, 8); }

/* Sequence and picture parameters (ITU-T H.264, 7.3). No byte here or below needs an escape. */
static void parameters(struct encoder *encoder, struct bits *it) {
    unsigned columns = (encoder->width + 15) / 16, rows = (encoder->height + 15) / 16;
    struct bits bits = *it;
    start(&bits, 0x67);
    put(&bits, 66 << 16 | 0xc0 << 8 | 40, 24);
    golomb(&bits, 0), golomb(&bits, 0), golomb(&bits, 2), golomb(&bits, 1);
    put(&bits, 0, 1);
    golomb(&bits, columns - 1), golomb(&bits, rows - 1);
    put(&bits, 3, 2);
    put(&bits, 1, 1);
    golomb(&bits, 0), golomb(&bits, (columns * 16 - encoder->width) / 2);
    golomb(&bits, 0), golomb(&bits, (rows * 16 - encoder->height) / 2);
    put(&bits, 0, 1);
    end(&bits);
    start(&bits, 0x68);
    golomb(&bits, 0), golomb(&bits, 0);
    put(&bits, 0, 2);
    golomb(&bits, 0), golomb(&bits, 0), golomb(&bits, 0);
    put(&bits, 0, 3);
    golomb(&bits, 0), golomb(&bits, 0), golomb(&bits, 0);
    put(&bits, 0, 3);
    end(&bits);
    *it = bits;
}

/* One picture and all it takes to decode it. */
static void encode(struct encoder *encoder, struct output *output) {
    unsigned columns = (encoder->width + 15) / 16, rows = (encoder->height + 15) / 16;
    free(output->data);
    output->data = calloc(1, columns * rows * 400 + 256);
    struct bits bits = {output->data, 0};
    parameters(encoder, &bits);
    start(&bits, 0x65);
    golomb(&bits, 0), golomb(&bits, 7), golomb(&bits, 0);
    put(&bits, 0, 4);
    golomb(&bits, encoder->number++ % 2);
    put(&bits, 0, 2);
    golomb(&bits, 0);
    for (unsigned block = 0; block < columns * rows; block++) {
        golomb(&bits, 25);
        bits.at = (bits.at + 7) / 8 * 8;
        memset(bits.data + bits.at / 8, 128, 384);
        bits.at += 384 * 8;
    }
    end(&bits);
    output->length = bits.at / 8;
}

static int none() { return UNSUPPORTED; }
static int quiet() { return OK; }
static int open_session(void *params, void **encoder) {
    pthread_mutex_lock(&lock);
    int full = sessions >= setting("sessions", 8);
    if (!full) sessions++;
    pthread_mutex_unlock(&lock);
    if (full) return MEMORY;
    *encoder = calloc(1, sizeof(struct encoder));
    return OK;
}
static int destroy(void *encoder) {
    pthread_mutex_lock(&lock);
    sessions--;
    pthread_mutex_unlock(&lock);
    free(encoder);
    return OK;
}
static int count(void *encoder, uint32_t *many) { *many = 1; return OK; }
static int codecs(void *encoder, struct guid *list, uint32_t room, uint32_t *many) {
    list[0] = H264;
    *many = 1;
    return OK;
}
static int capability(void *encoder, struct guid codec, void *which, int *value) { *value = 8192; return OK; }
static int initialize(struct encoder *encoder, uint8_t *params) {
    /* NV_ENC_INITIALIZE_PARAMS: version, two ids of sixteen bytes, then the size. */
    memcpy(&encoder->width, params + 36, 4);
    memcpy(&encoder->height, params + 40, 4);
    return OK;
}
static int create_output(void *encoder, uint8_t *params) {
    struct output *output = calloc(1, sizeof *output);
    memcpy(params + 16, &output, sizeof output);
    return OK;
}
static int destroy_output(void *encoder, struct output *output) {
    free(output->data);
    free(output);
    return OK;
}
static int register_resource(void *encoder, uint8_t *params) { memcpy(params + 32, params + 24, 8); return OK; }
static int map_resource(void *encoder, uint8_t *params) { memcpy(params + 24, params + 16, 8); return OK; }
static int picture(struct encoder *encoder, uint8_t *params) {
    uint32_t flags;
    struct output *output;
    memcpy(&flags, params + 16, 4);
    memcpy(&output, params + 48, 8);
    if (flags & 8) return OK;
    pthread_mutex_lock(&lock);
    int gone = ++pictures > setting("fault", 1 << 30);
    pthread_mutex_unlock(&lock);
    if (gone) return NO_DEVICE;
    memcpy(&output->stamp, params + 24, 8);
    encode(encoder, output);
    return OK;
}
static int lock_output(void *encoder, uint8_t *params) {
    struct output *output;
    uint32_t length, key = 3, frame = 1;
    memcpy(&output, params + 8, 8);
    length = output->length;
    memcpy(params + 36, &length, 4);
    memcpy(params + 40, &output->stamp, 8);
    memcpy(params + 56, &output->data, 8);
    memcpy(params + 64, &key, 4);
    memcpy(params + 68, &frame, 4);
    return OK;
}
static int sequence(struct encoder *encoder, uint8_t *params) {
    /* NV_ENC_SEQUENCE_PARAM_PAYLOAD: version, room, two ids, where to, where the length goes. */
    uint32_t room, *length;
    struct bits bits = {0, 0};
    memcpy(&room, params + 4, 4);
    memcpy(&bits.data, params + 16, 8);
    memcpy(&length, params + 24, 8);
    if (room < 64) return MEMORY;
    memset(bits.data, 0, 64);
    parameters(encoder, &bits);
    *length = bits.at / 8;
    return OK;
}
static const char *last_error(void *encoder) { return "no details"; }

struct functions { uint32_t version, reserved; void *call[64]; };

int NvEncodeAPIGetMaxSupportedVersion(uint32_t *version) { *version = 13 << 4; return OK; }
int NvEncodeAPICreateInstance(struct functions *functions) {
    for (int index = 0; index < 41; index++) functions->call[index] = none;
    static void *const known[41] = {
        [1] = count, [4] = codecs, [7] = capability, [10] = quiet, [11] = initialize, [14] = create_output,
        [15] = destroy_output, [16] = picture, [17] = lock_output, [18] = quiet, [22] = sequence, [25] = map_resource, [26] = quiet,
        [27] = destroy, [29] = open_session, [30] = register_resource, [31] = quiet, [37] = last_error, [38] = quiet, [39] = quiet,
    };
    for (int index = 0; index < 41; index++)
        if (known[index]) functions->call[index] = known[index];
    return OK;
}
