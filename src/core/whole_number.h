/*
 * whole_number.h
 *		Numbers of JSON as whole numbers of 64 bits, without errors.
 */
#ifndef CDP_WHOLE_NUMBER_H
#define CDP_WHOLE_NUMBER_H

#include "core/core.h"

/* False when the number has a fraction or needs more than 64 bits. */
extern bool NumericToInt64(Numeric number, int64 *result);

#endif							/* CDP_WHOLE_NUMBER_H */
