/*
 * A log-linear histogram of durations, as HdrHistogram is one: three significant digits at every magnitude, in memory
 * that does not grow.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

/* Up to 2^LINEAR_BITS every value has a cell of its own; above, each doubling has half as many cells. */
#define LINEAR_BITS 11
#define HALF_CELLS (1u << (LINEAR_BITS - 1))
#define DOUBLINGS 36
#define CELLS ((DOUBLINGS + 2) * HALF_CELLS)

struct histogram {
  uint64_t count;
  uint64_t cells[CELLS];
};

void histogram_add(struct histogram *histogram, int64_t value);

/* The least value that `share` (0 to 1) of all values do not exceed; negative when there is none. */
double histogram_quantile(const struct histogram *histogram, double share);

#endif
