#include "SIMDMicrokernels.h"
