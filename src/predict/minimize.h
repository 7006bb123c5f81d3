/*
 * minimize.h
 *		The least value of a smooth function of a few variables.
 */
#ifndef CDP_PREDICT_MINIMIZE_H
#define CDP_PREDICT_MINIMIZE_H

#define MINIMIZE_MAX_VARIABLES 8

/* value at x; writes the gradient.  A value that is not finite is no place to go to. */
typedef double (*Objective) (const double *x, double *gradient, void *arg);

/*
 * Walks downhill from x (BFGS) and leaves the lowest place there.  True when
 * the gradient has become as good as zero.
 */
extern bool Minimize(Objective objective, void *arg, int n, double *x, double *value, int *evaluations);

/*
 * From one start (n numbers each) after the other until a walk arrives; leaves
 * the best place in best.  value is infinite when there was none.
 */
extern bool MinimizeFrom(Objective objective, void *arg, int n, const double *starts, int nstarts, double *best, double *value);

#endif							/* CDP_PREDICT_MINIMIZE_H */
