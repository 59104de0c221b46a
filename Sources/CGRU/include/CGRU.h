// The inner loops of training on many sessions at once. Sources/Intent/BatchKernels.swift says what each promises and
// holds the same loops in Swift: both give the same bits, on every machine and at every vector width.
#ifndef CGRU_H
#define CGRU_H

#include <stdint.h>

// Where the parts of the weights stand, in floats; a gradient has the same shape.
typedef struct {
    // Blocks of eight floats in a hidden vector; a row is three hidden vectors: r, z, n.
    long blocks;
    // Rows switched on by an input, and rows that carry a number (at most 7), from `number_row` on.
    long one_hots;
    long numbers;
    long number_row;
    long recurrent;
    long bias;
    long recurrent_bias;
    long head;
    long head_bias;
} gru_shape;

// Functions alone, which any thread may call.
typedef struct __attribute__((swift_attr("@Sendable"))) {
    void (*_Nonnull inputs)(const gru_shape *_Nonnull shape, const float *_Nonnull weights,
                            const uint16_t *_Nonnull rows, const float *_Nonnull numbers, long count,
                            float *_Nonnull sums);
    void (*_Nonnull forward)(const gru_shape *_Nonnull shape, const float *_Nonnull weights,
                             const float *_Nonnull sums, const float *_Nullable before, long count,
                             float *_Nonnull scratch, float *_Nonnull tape, float *_Nonnull after,
                             float *_Nonnull logits);
    void (*_Nonnull backward)(const gru_shape *_Nonnull shape, const float *_Nonnull weights,
                              const float *_Nonnull transposed, const float *_Nonnull tape,
                              const float *_Nonnull errors, long count, long is_first,
                              float *_Nonnull hidden_error, float *_Nonnull input_error,
                              float *_Nonnull recurrent_error);
    void (*_Nonnull gradient)(const gru_shape *_Nonnull shape, const uint16_t *_Nonnull rows,
                              const float *_Nonnull numbers, const float *_Nonnull tape,
                              const float *_Nonnull after, const float *_Nonnull errors,
                              const float *_Nonnull input_error, const float *_Nonnull recurrent_error,
                              long count, long first_count, float *_Nonnull scratch, float *_Nonnull gradient);
} gru_kernels;

// For the processor that the program runs on; and for any of its kind.
gru_kernels gru_kernels_fastest(void);
gru_kernels gru_kernels_plain(void);

#endif
