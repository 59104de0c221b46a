// The inner loops of training on many sessions at once, compiled for several vector widths; see CGRU.h.
//
// Swift reaches only the vectors that every processor of the kind has: half or a quarter of these (docs/benchmarks.md).
// The arithmetic is written in vectors of eight and nothing may be contracted or reassociated, so that the width of the
// machine's own vectors changes nothing: every variant, and the Swift twin, gives the same bits.
#include "CGRU.h"

#pragma STDC FP_CONTRACT OFF
// Every function that takes a vector is inlined: none is passed.
#pragma clang diagnostic ignored "-Wpsabi"

// Unaligned, because Swift's arrays promise sixteen bytes.
typedef float v8 __attribute__((ext_vector_type(8), aligned(4)));
typedef int32_t i8 __attribute__((ext_vector_type(8), aligned(4)));
typedef float v16 __attribute__((ext_vector_type(16), aligned(4)));
typedef int32_t i16 __attribute__((ext_vector_type(16), aligned(4)));

#define INLINE static inline __attribute__((always_inline))

enum { TAPE = 5 };

// PortableMath's exp, operation by operation, and the tanh made of it, for eight and for sixteen numbers.
#define ELEMENTARY(width, vector, integers)                                                                            \
    INLINE vector exp##width(vector x) {                                                                               \
        x = x > 87.0f ? (vector)87.0f : x;                                                                             \
        x = x < -87.0f ? (vector)-87.0f : x;                                                                           \
        vector shifted = x * 1.44269504f + 12582912.0f;                                                                \
        vector n = shifted - 12582912.0f;                                                                              \
        vector r = x - n * 0.693359375f + n * 2.1219444e-4f;                                                           \
        vector p = r * 1.98756915e-4f + 1.39819995e-3f;                                                                \
        p = p * r + 8.3334519e-3f;                                                                                     \
        p = p * r + 4.1665796e-2f;                                                                                     \
        p = p * r + 1.66666655e-1f;                                                                                    \
        p = p * r + 5.0000001e-1f;                                                                                     \
        p = p * (r * r) + r + 1.0f;                                                                                    \
        integers bits = (integers)shifted - 0x4b400000;                                                                \
        return p * (vector)((bits + 127) << 23);                                                                       \
    }                                                                                                                  \
    INLINE vector tanh##width(vector x) { return 2.0f / (1.0f + exp##width(-2.0f * x)) - 1.0f; }

ELEMENTARY(8, v8, i8)
ELEMENTARY(16, v16, i16)

INLINE v16 sigmoid16(v16 x) { return 1.0f / (1.0f + exp16(-x)); }

// `height` rows of `left` (a row has `depth` floats) times a strip of `width` blocks of `right` (a row has `stride`
// blocks), added to a strip of `sums`. Four rows of `right` at a time, as the single step does.
INLINE void product_tile(const float *left, long depth, const v8 *right, v8 *sums, long stride, int height, int width) {
    v8 sum[4][6];
    for (int i = 0; i < height; i++)
        for (int j = 0; j < width; j++) sum[i][j] = sums[i * stride + j];
    for (long k = 0; k < depth; k += 4) {
        const v8 *line = right + k * stride;
        for (int i = 0; i < height; i++) {
            const float *value = left + i * depth + k;
            v8 a = value[0], b = value[1], c = value[2], d = value[3];
            for (int j = 0; j < width; j++)
                sum[i][j] += (a * line[j] + b * line[stride + j]) + (c * line[2 * stride + j] + d * line[3 * stride + j]);
        }
    }
    for (int i = 0; i < height; i++)
        for (int j = 0; j < width; j++) sums[i * stride + j] = sum[i][j];
}

INLINE void product_strip(const float *left, long count, long depth, const v8 *right, v8 *sums, long stride, int width) {
    long i = 0;
    for (; i + 4 <= count; i += 4) product_tile(left + i * depth, depth, right, sums + i * stride, stride, 4, width);
    for (; i < count; i++) product_tile(left + i * depth, depth, right, sums + i * stride, stride, 1, width);
}

INLINE void product(const float *left, long count, long depth, const v8 *right, v8 *sums, long stride) {
    long j = 0;
    // One row alone, as a live step has it, is worth wider strips: there is room for their sums.
    if (count < 4)
        for (; j + 6 <= stride; j += 6) product_strip(left, count, depth, right + j, sums + j, stride, 6);
    if (stride % 3 == 0)
        for (; j < stride; j += 3) product_strip(left, count, depth, right + j, sums + j, stride, 3);
    for (; j + 2 <= stride; j += 2) product_strip(left, count, depth, right + j, sums + j, stride, 2);
    for (; j < stride; j++) product_strip(left, count, depth, right + j, sums + j, stride, 1);
}

// The sum over events of a column of `left` times a row of `right`: four columns, three blocks, event by event.
INLINE void outer(const float *left, long left_stride, long columns, const v8 *right, long stride, long count,
                  v8 *sums) {
    for (long j = 0; j < stride; j += 3) {
        for (long k = 0; k < columns; k += 4) {
            v8 sum[4][3];
            for (int a = 0; a < 4; a++)
                for (int b = 0; b < 3; b++) sum[a][b] = sums[(k + a) * stride + j + b];
            for (long e = 0; e < count; e++) {
                const float *value = left + e * left_stride + k;
                const v8 *line = right + e * stride + j;
                for (int a = 0; a < 4; a++) {
                    v8 spread = value[a];
                    for (int b = 0; b < 3; b++) sum[a][b] += spread * line[b];
                }
            }
            for (int a = 0; a < 4; a++)
                for (int b = 0; b < 3; b++) sums[(k + a) * stride + j + b] = sum[a][b];
        }
    }
}

INLINE void inputs(const gru_shape *shape, const float *weights, const uint16_t *rows, const float *numbers, long count,
                   float *sums) {
    const long row = 3 * shape->blocks;
    const v8 *matrix = (const v8 *)weights;
    const v8 *bias = (const v8 *)(weights + shape->bias);
    const v8 *number_lines = matrix + shape->number_row * row;
    for (long e = 0; e < count; e++) {
        v8 *sum = (v8 *)sums + e * row;
        for (long j = 0; j < row; j += 3) {
            v8 a = bias[j], b = bias[j + 1], c = bias[j + 2];
            for (long p = 0; p < shape->one_hots; p++) {
                const v8 *line = matrix + rows[e * 8 + p] * row + j;
                a += line[0];
                b += line[1];
                c += line[2];
            }
            for (long p = 0; p < shape->numbers; p++) {
                const v8 *line = number_lines + p * row + j;
                v8 number = numbers[e * 8 + p];
                a += number * line[0];
                b += number * line[1];
                c += number * line[2];
            }
            sum[j] = a;
            sum[j + 1] = b;
            sum[j + 2] = c;
        }
    }
}

INLINE void forward(const gru_shape *shape, const float *weights, const float *sums, const float *before, long count,
                    float *scratch, float *tape, float *after, float *logits) {
    const long blocks = shape->blocks, row = 3 * blocks;
    const v8 *new_bias = (const v8 *)(weights + shape->recurrent_bias);
    const v8 *head = (const v8 *)(weights + shape->head);
    v8 *hidden = (v8 *)scratch;
    for (long i = 0; i < count; i++) {
        for (long j = 0; j < 2 * blocks; j++) hidden[i * row + j] = 0.0f;
        for (long j = 0; j < blocks; j++) hidden[i * row + 2 * blocks + j] = new_bias[j];
    }
    if (before) product(before, count, 8 * blocks, (const v8 *)(weights + shape->recurrent), hidden, row);
    for (long i = 0; i < count; i++) {
        const v8 *x = (const v8 *)sums + i * row;
        const v8 *y = hidden + i * row;
        const v8 *u = y + 2 * blocks;
        v8 *t = (v8 *)tape + i * TAPE * blocks;
        v8 *z = t + blocks, *n = t + 2 * blocks;
        v8 *next = (v8 *)after + i * blocks;
        // r and z: an even number of blocks, and none waits for another.
        for (long j = 0; j < 2 * blocks; j += 2)
            *(v16 *)(t + j) = sigmoid16(*(const v16 *)(x + j) + *(const v16 *)(y + j));
        long j = 0;
        for (; j + 2 <= blocks; j += 2)
            *(v16 *)(n + j) = tanh16(*(const v16 *)(x + 2 * blocks + j) + *(v16 *)(t + j) * *(const v16 *)(u + j));
        for (; j < blocks; j++) n[j] = tanh8(x[2 * blocks + j] + t[j] * u[j]);
        v8 sum = 0.0f;
        for (j = 0; j < blocks; j++) {
            v8 h = before ? ((const v8 *)before)[i * blocks + j] : (v8)0.0f;
            v8 h2 = n[j] + z[j] * (h - n[j]);
            t[3 * blocks + j] = u[j];
            t[4 * blocks + j] = h;
            next[j] = h2;
            sum += h2 * head[j];
        }
        logits[i] = (((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7])))
            + weights[shape->head_bias];
    }
}

INLINE void backward(const gru_shape *shape, const float *weights, const float *transposed, const float *tape,
                     const float *errors, long count, long is_first, float *hidden_error, float *input_error,
                     float *recurrent_error) {
    const long blocks = shape->blocks, row = 3 * blocks;
    const v8 *head = (const v8 *)(weights + shape->head);
    for (long i = 0; i < count; i++) {
        const v8 *t = (const v8 *)tape + i * TAPE * blocks;
        v8 *carried = (v8 *)hidden_error + i * blocks;
        v8 *x = (v8 *)input_error + i * row;
        v8 *y = (v8 *)recurrent_error + i * row;
        v8 error = errors[i];
        for (long j = 0; j < blocks; j++) {
            v8 r = t[j], z = t[blocks + j], n = t[2 * blocks + j], u = t[3 * blocks + j], h = t[4 * blocks + j];
            v8 next = carried[j] + error * head[j];
            v8 dn = next * (1.0f - z) * (1.0f - n * n);
            v8 dz = next * (h - n) * z * (1.0f - z);
            v8 dr = dn * u * r * (1.0f - r);
            x[j] = y[j] = dr;
            x[blocks + j] = y[blocks + j] = dz;
            x[2 * blocks + j] = dn;
            y[2 * blocks + j] = dn * r;
            carried[j] = next * z;
        }
    }
    if (!is_first)
        product(recurrent_error, count, 8 * row, (const v8 *)transposed, (v8 *)hidden_error, blocks);
}

INLINE void gradient(const gru_shape *shape, const uint16_t *rows, const float *numbers, const float *tape,
                     const float *after, const float *errors, const float *input_error, const float *recurrent_error,
                     long count, long first_count, float *scratch, float *gradient) {
    const long blocks = shape->blocks, row = 3 * blocks;
    const v8 *x = (const v8 *)input_error;
    const v8 *y = (const v8 *)recurrent_error;
    v8 *matrix = (v8 *)gradient;
    for (long e = 0; e < count; e++)
        for (long p = 0; p < shape->one_hots; p++) {
            v8 *line = matrix + rows[e * 8 + p] * row;
            for (long j = 0; j < row; j++) line[j] += x[e * row + j];
        }
    // The eighth number is always 1: its line is the bias's.
    v8 *lines = (v8 *)scratch;
    for (long j = 0; j < 8 * row; j++) lines[j] = 0.0f;
    outer(numbers, 8, 8, x, row, count, lines);
    for (long p = 0; p < shape->numbers; p++)
        for (long j = 0; j < row; j++) matrix[(shape->number_row + p) * row + j] += lines[p * row + j];
    v8 *bias = (v8 *)(gradient + shape->bias);
    for (long j = 0; j < row; j++) bias[j] += lines[7 * row + j];
    // Before the first step there is nothing to recur to.
    outer(tape + (first_count * TAPE + 4) * 8 * blocks, TAPE * 8 * blocks, 8 * blocks, y + first_count * row, row,
          count - first_count, (v8 *)(gradient + shape->recurrent));
    v8 *new_bias = (v8 *)(gradient + shape->recurrent_bias);
    v8 *head = (v8 *)(gradient + shape->head);
    for (long j = 0; j < blocks; j++) {
        v8 a = new_bias[j], b = head[j];
        for (long e = 0; e < count; e++) {
            a += y[e * row + 2 * blocks + j];
            b += errors[e] * ((const v8 *)after)[e * blocks + j];
        }
        new_bias[j] = a;
        head[j] = b;
    }
    float sum = gradient[shape->head_bias];
    for (long e = 0; e < count; e++) sum += errors[e];
    gradient[shape->head_bias] = sum;
}

#define VARIANT(name, target)                                                                                          \
    target static void inputs_##name(const gru_shape *shape, const float *weights, const uint16_t *rows,               \
                                     const float *numbers, long count, float *sums) {                                  \
        inputs(shape, weights, rows, numbers, count, sums);                                                            \
    }                                                                                                                  \
    target static void forward_##name(const gru_shape *shape, const float *weights, const float *sums,                 \
                                      const float *before, long count, float *scratch, float *tape, float *after,      \
                                      float *logits) {                                                                 \
        forward(shape, weights, sums, before, count, scratch, tape, after, logits);                                    \
    }                                                                                                                  \
    target static void backward_##name(const gru_shape *shape, const float *weights, const float *transposed,          \
                                       const float *tape, const float *errors, long count, long is_first,              \
                                       float *hidden_error, float *input_error, float *recurrent_error) {              \
        backward(shape, weights, transposed, tape, errors, count, is_first, hidden_error, input_error,                 \
                 recurrent_error);                                                                                     \
    }                                                                                                                  \
    target static void gradient_##name(const gru_shape *shape, const uint16_t *rows, const float *numbers,             \
                                       const float *tape, const float *after, const float *errors,                     \
                                       const float *input_error, const float *recurrent_error, long count,             \
                                       long first_count, float *scratch, float *sums) {                                \
        gradient(shape, rows, numbers, tape, after, errors, input_error, recurrent_error, count, first_count, scratch, \
                 sums);                                                                                                \
    }                                                                                                                  \
    static const gru_kernels name = {inputs_##name, forward_##name, backward_##name, gradient_##name};

VARIANT(plain, )

gru_kernels gru_kernels_plain(void) { return plain; }

#if defined(__x86_64__)
VARIANT(avx2, __attribute__((target("avx2"))))
VARIANT(avx512, __attribute__((target("avx2,avx512f,avx512vl,avx512dq"))))

gru_kernels gru_kernels_fastest(void) {
    if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) return avx512;
    return __builtin_cpu_supports("avx2") ? avx2 : plain;
}
#else
gru_kernels gru_kernels_fastest(void) { return plain; }
#endif
