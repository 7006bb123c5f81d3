/*
 * minimize.c
 *		The least value of a smooth function of a few variables: the method of
 *		Broyden, Fletcher, Goldfarb and Shanno with a backtracking line search.
 *
 * Nothing is drawn at random and the order of the arithmetic is fixed, so the
 * same function gives the same answer.
 */
#include "core/core.h"

#include <math.h>

#include "predict/minimize.h"

#define MAX_STEPS 500
#define GRADIENT_TOLERANCE 1e-9
#define LONGEST_STEP 2.0		/* in one variable: they are logarithms */

typedef struct Walk
{
	int			n;
	double		h[MINIMIZE_MAX_VARIABLES][MINIMIZE_MAX_VARIABLES];	/* inverse of the Hessian, guessed */
	double		gradient[MINIMIZE_MAX_VARIABLES];
	double		step[MINIMIZE_MAX_VARIABLES];
} Walk;

static void
Restart(Walk *walk)
{
	memset(walk->h, 0, sizeof(walk->h));
	for (int i = 0; i < walk->n; i++)
		walk->h[i][i] = 1.0;
}

static double
Dot(const double *a, const double *b, int n)
{
	double		sum = 0.0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* The direction to go, at most LONGEST_STEP in each variable; returns the slope along it */
static double
Direction(Walk *walk)
{
	double		longest = 0.0;

	for (int i = 0; i < walk->n; i++)
	{
		walk->step[i] = -Dot(walk->h[i], walk->gradient, walk->n);
		longest = Max(longest, fabs(walk->step[i]));
	}
	if (longest > LONGEST_STEP)
		for (int i = 0; i < walk->n; i++)
			walk->step[i] *= LONGEST_STEP / longest;
	return Dot(walk->step, walk->gradient, walk->n);
}

/* takes into h what the step s and the change y of the gradient tell */
static void
Learn(Walk *walk, const double *s, const double *y)
{
	int			n = walk->n;
	double		sy = Dot(s, y, n);
	double		hy[MINIMIZE_MAX_VARIABLES];
	double		yhy;

	if (sy <= 1e-12 * sqrt(Dot(s, s, n) * Dot(y, y, n)))
		return;
	for (int i = 0; i < n; i++)
		hy[i] = Dot(walk->h[i], y, n);
	yhy = Dot(y, hy, n);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			walk->h[i][j] += (1.0 + yhy / sy) * s[i] * s[j] / sy - (hy[i] * s[j] + s[i] * hy[j]) / sy;
}

static double
LargestOf(const double *x, int n)
{
	double		largest = 0.0;

	for (int i = 0; i < n; i++)
		largest = Max(largest, fabs(x[i]));
	return largest;
}

bool
Minimize(Objective objective, void *arg, int n, double *x, double *value, int *evaluations)
{
	Walk		walk = {.n = n};
	bool		fresh = true;

	Restart(&walk);
	*value = objective(x, walk.gradient, arg);
	*evaluations = 1;
	if (!isfinite(*value))
		return false;
	for (int step = 0; step < MAX_STEPS; step++)
	{
		double		slope,
					length = 1.0,
					there = 0.0;
		double		place[MINIMIZE_MAX_VARIABLES],
					gradient[MINIMIZE_MAX_VARIABLES],
					s[MINIMIZE_MAX_VARIABLES],
					y[MINIMIZE_MAX_VARIABLES];
		bool		found = false;

		CHECK_FOR_INTERRUPTS();
		if (LargestOf(walk.gradient, n) < GRADIENT_TOLERANCE)
			return true;
		slope = Direction(&walk);
		if (!(slope < 0.0))
		{
			if (fresh)
				break;
			Restart(&walk);
			fresh = true;
			continue;
		}
		for (int half = 0; half < 40 && !found; half++, length *= 0.5)
		{
			for (int i = 0; i < n; i++)
				place[i] = x[i] + length * walk.step[i];
			there = objective(place, gradient, arg);
			(*evaluations)++;
			found = isfinite(there) && there <= *value + 1e-4 * length * slope;
		}
		if (!found)
		{
			/* no way down that floating point can see */
			if (fresh)
				break;
			Restart(&walk);
			fresh = true;
			continue;
		}
		for (int i = 0; i < n; i++)
		{
			s[i] = place[i] - x[i];
			y[i] = gradient[i] - walk.gradient[i];
		}
		Learn(&walk, s, y);
		memcpy(x, place, n * sizeof(double));
		memcpy(walk.gradient, gradient, n * sizeof(double));
		*value = there;
		fresh = false;
	}
	return LargestOf(walk.gradient, n) < sqrt(GRADIENT_TOLERANCE) / 10;
}

bool
MinimizeFrom(Objective objective, void *arg, int n, const double *starts, int nstarts, double *best, double *value)
{
	bool		converged = false;

	memset(best, 0, n * sizeof(double));
	*value = INFINITY;
	for (int i = 0; i < nstarts && !converged; i++)
	{
		double		x[MINIMIZE_MAX_VARIABLES],
					there;
		int			evaluations;
		bool		arrived;

		memcpy(x, starts + i * n, n * sizeof(double));
		arrived = Minimize(objective, arg, n, x, &there, &evaluations);
		if (isfinite(there) && (there < *value || (arrived && there <= *value + 1e-9)))
		{
			memcpy(best, x, n * sizeof(double));
			*value = there;
			converged = arrived;
		}
	}
	return converged;
}
