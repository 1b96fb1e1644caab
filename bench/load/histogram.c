#include "histogram.h"

#include <math.h>

/* The number of bits that must go for the value to fit the linear part. */
static uint32_t doublings_of(uint64_t value) {
  uint32_t bits = 64 - (uint32_t)__builtin_clzll(value | 1);
  return bits <= LINEAR_BITS ? 0 : bits - LINEAR_BITS;
}

void histogram_add(struct histogram *histogram, int64_t value) {
  uint64_t positive = value < 0 ? 0 : (uint64_t)value;
  uint32_t doublings = doublings_of(positive);
  /* Longer than a day: nobody waits for that here. */
  if (doublings > DOUBLINGS) doublings = DOUBLINGS, positive = (2ull * HALF_CELLS - 1) << DOUBLINGS;
  histogram->cells[doublings * HALF_CELLS + (positive >> doublings)]++;
  histogram->count++;
}

/* The middle of a cell. */
static double value_of(uint32_t cell) {
  if (cell < 2 * HALF_CELLS) return cell;
  uint32_t doublings = cell / HALF_CELLS - 1;
  uint64_t lowest = (uint64_t)(cell - doublings * HALF_CELLS) << doublings;
  return (double)lowest + (double)((1ull << doublings) >> 1);
}

double histogram_quantile(const struct histogram *histogram, double share) {
  if (histogram->count == 0) return -1;
  uint64_t wanted = (uint64_t)ceil(share * (double)histogram->count);
  uint64_t seen = 0;
  for (uint32_t cell = 0; cell < CELLS; cell++) {
    seen += histogram->cells[cell];
    if (seen >= wanted && seen > 0) return value_of(cell);
  }
  return -1;
}
