/*
 * special.h
 *		Functions of mathematics that the C library does not have.
 */
#ifndef CDP_PREDICT_SPECIAL_H
#define CDP_PREDICT_SPECIAL_H

/* derivative of lgamma(), for x > 0 */
extern double Digamma(double x);

/* Gauss's hypergeometric series for 0 <= z < 1; raises 22003 when it does not settle */
extern double Hypergeometric(double a, double b, double c, double z);

#endif							/* CDP_PREDICT_SPECIAL_H */
