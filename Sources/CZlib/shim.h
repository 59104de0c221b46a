#include <zlib.h>

// deflateInit2 and inflateInit2 are macros, which Swift does not import.
static inline int dinghy_inflateInit2(z_stream *stream, int windowBits) {
    return inflateInit2(stream, windowBits);
}
