#pragma once
#include "SIMDMicrokernels.h"

// Points at which the polynomials of F(m×m, 3×3) are evaluated, that of m = 2 first; one more stands at infinity.
// Those of m = 4 make half the error of 0, ±1, ±2.
static const double winograd_points[NT_WINOGRAD_LARGEST - 1][NT_WINOGRAD_LARGEST + 1] = {
    {0, 1, -1},
    {0, 1, -1, 2},
    {0, 2.0 / 3, -2.0 / 3, 3.0 / 2, -3.0 / 2},
    {0, 1, -1, 2, -2, 1.0 / 2},
    {0, 1, -1, 2, -2, 1.0 / 2, -1.0 / 2},
};
