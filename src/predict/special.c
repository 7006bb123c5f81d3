/*
 * special.c
 *		Functions of mathematics that the C library does not have.
 */
#include "core/core.h"

#include <math.h>

#include "predict/special.h"

#define SERIES_TERMS 2000000

/* Upwards by the recurrence to where the asymptotic series is exact to the last bits */
double
Digamma(double x)
{
	double		result = 0.0;
	double		f;

	while (x < 10.0)
	{
		result -= 1.0 / x;
		x += 1.0;
	}
	f = 1.0 / (x * x);
	return result + log(x) - 0.5 / x -
		f * (1.0 / 12 - f * (1.0 / 120 - f * (1.0 / 252 - f * (1.0 / 240 - f * (1.0 / 132)))));
}

double
Hypergeometric(double a, double b, double c, double z)
{
	double		term = 1.0;
	double		sum = 1.0;

	for (int k = 0; k < SERIES_TERMS; k++)
	{
		double		ratio = (a + k) * (b + k) / ((c + k) * (k + 1.0)) * z;

		if ((k & 0xFFFF) == 0xFFFF)
			CHECK_FOR_INTERRUPTS();
		term *= ratio;
		sum += term;
		/* what is left is less than a geometric series once the ratio has come below 1 */
		if (term == 0.0 || (fabs(ratio) < 1.0 && k > fabs(a) + fabs(b) &&
							fabs(term) <= 1e-15 * fabs(sum) * (1.0 - fabs(ratio))))
			return sum;
		if (!isfinite(sum))
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("hypergeometric series with a = %g, b = %g, c = %g, z = %g does not settle", a, b, c, z)));
	return 0;					/* not reached */
}
