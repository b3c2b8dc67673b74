/* NVDEC of the GPUs that are not there: takes H.264 and HEVC in 4:2:0, eight bits, and "decodes" to nothing. */
#define QUIET(name) int name() { return 0; }

struct capabilities {
    int codec, chroma;
    unsigned bits_above_eight, reserved[3];
    unsigned char supported, engines;
    unsigned short formats;
    unsigned most_width, most_height, most_blocks;
    unsigned short least_width, least_height;
};

int cuvidGetDecoderCaps(struct capabilities *it) {
    it->supported = it->chroma == 1 && it->bits_above_eight == 0;
    it->formats = 0xffff;
    it->most_width = it->most_height = 8192;
    it->most_blocks = 1 << 20;
    it->least_width = it->least_height = 48;
    return 0;
}
int cuvidMapVideoFrame64(void *decoder, int index, unsigned long long *pointer, unsigned *pitch, void *how) {
    static char picture[1];
    *pointer = (unsigned long long)picture;
    *pitch = 512;
    return 0;
}
QUIET(cuvidCreateDecoder)
QUIET(cuvidDestroyDecoder)
QUIET(cuvidDecodePicture)
QUIET(cuvidGetDecodeStatus)
QUIET(cuvidReconfigureDecoder)
QUIET(cuvidUnmapVideoFrame64)
QUIET(cuvidCtxLockCreate)
QUIET(cuvidCtxLockDestroy)
QUIET(cuvidCtxLock)
QUIET(cuvidCtxUnlock)
QUIET(cuvidCreateVideoSource)
QUIET(cuvidCreateVideoSourceW)
QUIET(cuvidDestroyVideoSource)
QUIET(cuvidSetVideoSourceState)
QUIET(cuvidGetVideoSourceState)
QUIET(cuvidGetSourceVideoFormat)
QUIET(cuvidGetSourceAudioFormat)
QUIET(cuvidCreateVideoParser)
QUIET(cuvidParseVideoData)
QUIET(cuvidDestroyVideoParser)
