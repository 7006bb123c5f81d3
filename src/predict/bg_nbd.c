/*
 * bg_nbd.c
 *		How often customers will come back: the BG/NBD model of Fader, Hardie
 *		and Lee ("Counting Your Customers" the Easy Way, 2005).
 *
 * While alive a customer buys at random with a rate of his own (gamma: r,
 * alpha); after each purchase he leaves with a probability of his own (beta:
 * a, b).  What is known of a customer: x repeat purchases, the last one at t_x
 * after the first, observed for T after the first.
 */
#include "core/core.h"

#include <math.h>

#include "predict/minimize.h"
#include "predict/sample.h"
#include "predict/special.h"

PG_FUNCTION_INFO_V1(cdp_fit_bg_nbd_add);
PG_FUNCTION_INFO_V1(cdp_fit_bg_nbd_final);
PG_FUNCTION_INFO_V1(cdp_bg_nbd_alive);
PG_FUNCTION_INFO_V1(cdp_bg_nbd_expected);

/* state, frequency, recency, age */
Datum
cdp_fit_bg_nbd_add(PG_FUNCTION_ARGS)
{
	int32		frequency;
	double		recency,
				age;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) ||
		isnan(PG_GETARG_FLOAT8(2)) || isnan(PG_GETARG_FLOAT8(3)))
		return SampleAdd(fcinfo, true, 0, 0, 0);
	frequency = PG_GETARG_INT32(1);
	recency = PG_GETARG_FLOAT8(2);
	age = PG_GETARG_FLOAT8(3);
	if (frequency < 0 || recency < 0 || recency > age || isinf(age) || (frequency == 0 && recency > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("impossible customer: frequency %d, recency %g, age %g", frequency, recency, age),
				 errdetail("frequency is the number of repeat purchases, recency the time from the first to the last, age the time from the first until now, in one unit.")));
	return SampleAdd(fcinfo, false, frequency, recency, age);
}

typedef struct BgNbd
{
	Sample	   *sample;
	double		scale;			/* unit of time of the search */
	double		customers;
} BgNbd;

/* minus the mean log-likelihood of a customer and its gradient, in the logarithms of r, alpha, a, b */
static double
BgNbdObjective(const double *log_params, double *gradient, void *arg)
{
	const BgNbd *fit = arg;
	double		r = exp(log_params[0]),
				alpha = exp(log_params[1]),
				a = exp(log_params[2]),
				b = exp(log_params[3]);
	double		sum = 0,
				d_r = 0,
				d_alpha = 0,
				d_a = 0,
				d_b = 0;
	double		gamma_part = 0,
				psi_r = 0,
				psi_a = 0,
				psi_b = 0;
	int32		known = -1;

	for (uint32 i = 0; i < fit->sample->nrows; i++)
	{
		const SampleRow *row = &fit->sample->row[i];
		double		x = row->frequency;
		double		until_last = alpha + row->a / fit->scale;
		double		until_now = alpha + row->b / fit->scale;
		double		log_now = log(until_now);
		double		value = gamma_part,
					alive = 1,
					gone = 0,
					log_last = 0;

		if (row->frequency != known)
		{
			/* rows are in the order of frequency */
			known = row->frequency;
			gamma_part = lgamma(r + x) - lgamma(r) + r * log_params[1] +
				lgamma(a + b) + lgamma(b + x) - lgamma(b) - lgamma(a + b + x);
			psi_r = Digamma(r + x) - Digamma(r) + log_params[1];
			psi_a = Digamma(a + b) - Digamma(a + b + x);
			psi_b = psi_a + Digamma(b + x) - Digamma(b);
			value = gamma_part;
		}
		if (row->frequency == 0)
			value -= r * log_now;
		else
		{
			/* odds that he left after his last purchase against that he is alive */
			double		odds;

			log_last = log(until_last);
			odds = exp((r + x) * (log_now - log_last)) * a / (b + x - 1);
			if (isinf(odds))
			{
				alive = 0;
				value += -(r + x) * log_last + log(a / (b + x - 1));
			}
			else
			{
				alive = 1 / (1 + odds);
				value += -(r + x) * log_now + log1p(odds);
			}
			gone = 1 - alive;
		}
		sum += row->count * value;
		d_r += row->count * (psi_r - alive * log_now - gone * log_last);
		d_alpha += row->count * (r / alpha - (r + x) * (alive / until_now + gone / until_last));
		d_a += row->count * (psi_a + gone / a);
		d_b += row->count * (psi_b - (row->frequency == 0 ? 0 : gone / (b + x - 1)));
	}
	gradient[0] = -d_r * r / fit->customers;
	gradient[1] = -d_alpha * alpha / fit->customers;
	gradient[2] = -d_a * a / fit->customers;
	gradient[3] = -d_b * b / fit->customers;
	return -sum / fit->customers;
}

/* mean age as the unit, so that alpha is of the order of 1; raises when nothing can be learnt */
static void
Prepare(BgNbd *fit, int64 *repeats)
{
	double		age = 0;

	for (uint32 i = 0; i < fit->sample->nrows; i++)
	{
		fit->customers += fit->sample->row[i].count;
		age += fit->sample->row[i].b * fit->sample->row[i].count;
		*repeats += fit->sample->row[i].frequency > 0 ? fit->sample->row[i].count : 0;
	}
	if (*repeats == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no customer of %.0f bought again, so nothing can be learnt of when they do", fit->customers)));
	fit->scale = age / fit->customers;
	if (!(fit->scale > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the age of all %.0f customers is 0", fit->customers)));
}

Datum
cdp_fit_bg_nbd_final(PG_FUNCTION_ARGS)
{
	static const double start[3][4] = {{0, 0, 0, 0}, {-1.5, -2, 0, 1}, {1, 1, -2, 1}};
	BgNbd		fit = {0};
	double		best[4],
				best_value;
	bool		converged;
	int64		repeats = 0;
	StringInfoData json;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	fit.sample = SampleOfState(PG_GETARG_DATUM(0));
	if (fit.sample->nrows == 0)
		PG_RETURN_NULL();
	Prepare(&fit, &repeats);
	converged = MinimizeFrom(BgNbdObjective, &fit, 4, start[0], lengthof(start), best, &best_value);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	AppendParameter(&json, "r", exp(best[0]));
	AppendParameter(&json, "alpha", exp(best[1]) * fit.scale);
	AppendParameter(&json, "a", exp(best[2]));
	AppendParameter(&json, "b", exp(best[3]));
	/* the density of purchases is per unit of time: back to the caller's unit */
	{
		double		purchases = 0;

		for (uint32 i = 0; i < fit.sample->nrows; i++)
			purchases += (double) fit.sample->row[i].frequency * fit.sample->row[i].count;
		AppendParameter(&json, "log_likelihood", -best_value * fit.customers - purchases * log(fit.scale));
	}
	appendStringInfo(&json, ", \"customers\": %.0f, \"repeat_customers\": " INT64_FORMAT ", \"passed_over\": " INT64_FORMAT ", \"converged\": %s}",
					 fit.customers, repeats, fit.sample->passed_over, converged ? "true" : "false");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

typedef struct BgNbdCustomer
{
	double		r,
				alpha,
				a,
				b;
	double		x,
				recency,
				age;
} BgNbdCustomer;

/* params at argument 0, the customer from argument first on; false: something is NaN */
static bool
GetCustomer(FunctionCallInfo fcinfo, int first, BgNbdCustomer *customer)
{
	Jsonb	   *params = PG_GETARG_JSONB_P(0);

	customer->r = ModelParameter(params, "r");
	customer->alpha = ModelParameter(params, "alpha");
	customer->a = ModelParameter(params, "a");
	customer->b = ModelParameter(params, "b");
	if (!(customer->r > 0 && customer->alpha > 0 && customer->a > 0 && customer->b > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters of a BG/NBD model must be greater than 0"),
				 errdetail("r %g, alpha %g, a %g, b %g", customer->r, customer->alpha, customer->a, customer->b)));
	customer->x = PG_GETARG_INT32(first);
	customer->recency = PG_GETARG_FLOAT8(first + 1);
	customer->age = PG_GETARG_FLOAT8(first + 2);
	if (isnan(customer->recency) || isnan(customer->age))
		return false;
	if (customer->x < 0 || customer->recency < 0 || customer->recency > customer->age || isinf(customer->age))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("impossible customer: frequency %.0f, recency %g, age %g", customer->x, customer->recency, customer->age)));
	return true;
}

static double
Alive(const BgNbdCustomer *c)
{
	if (c->x == 0)
		return 1;				/* who bought once has had no chance to leave */
	return 1 / (1 + c->a / (c->b + c->x - 1) *
				exp((c->r + c->x) * (log(c->alpha + c->age) - log(c->alpha + c->recency))));
}

/* params, frequency, recency, age */
Datum
cdp_bg_nbd_alive(PG_FUNCTION_ARGS)
{
	BgNbdCustomer customer;

	if (!GetCustomer(fcinfo, 1, &customer))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(Alive(&customer));
}

/*
 * Purchases within the horizon of one who is alive and leaves with probability
 * p after each, his rate integrated out: s is r + x, u the horizon over
 * alpha + age.
 */
static double
ExpectedAt(double p, double s, double u)
{
	return p < 1e-290 ? s * u : -expm1(-s * log1p(p * u)) / p;
}

/* log(1 + exp(y)) */
static double
Softplus(double y)
{
	return Max(y, 0) + log1p(exp(-fabs(y)));
}

/* log p - log p0, of probabilities whose log odds are y + delta and y; rest is 1 - p0 */
static double
LogGain(double y, double delta, double rest)
{
	double		change = rest * expm1(-delta);

	return change > -0.9 ? -log1p(change) : delta + Softplus(y) - Softplus(y + delta);
}

/*
 * The mean of ExpectedAt over the beta density (a, b) of p, by the trapezoidal
 * rule in the log odds y of p.  There the density has one hill and falls
 * exponentially on both sides, so that equal steps are as exact as numbers
 * are; it is taken relative to its top, where delta is 0, as the logarithm of
 * a beta function of great a and b has lost its digits.
 */
static double
ExpectedByQuadrature(double a, double b, double s, double u)
{
	/* beyond these bounds nothing changes but that numbers overflow */
	double		scale = Max(1, Max(a, b) / 1e100);
	double		width,
				step,
				top,
				top_odds,
				rest;
	double		weight = 1,
				sum;

	a = Max(a / scale, 1e-100);
	b = Max(b / scale, 1e-100);
	width = sqrt(1 / a + 1 / b);
	step = Min(0.3, 0.6 * width);
	top = 1 / (1 + b / a);		/* p, and */
	top_odds = log(a) - log(b);
	rest = 1 / (1 + a / b);		/* 1 - p there */
	sum = ExpectedAt(top, s, u);

	if (width < 1e-9)
		return sum;
	for (int side = -1; side <= 1; side += 2)
	{
		for (int k = 1;; k++)
		{
			double		delta = side * k * step;
			double		y = top_odds + delta;
			double		log_weight = a * LogGain(top_odds, delta, rest) + b * LogGain(-top_odds, -delta, top);
			double		p = y < 0 ? exp(y) / (1 + exp(y)) : 1 / (1 + exp(-y));
			double		left = side < 0 ? p : 1 / (1 + exp(y));	/* of the way to 0 or 1 */
			double		w;

			/* also when an exponential is infinite */
			if (!(log_weight > -40))
				break;
			w = exp(log_weight);
			/* a tail that may be very long: from here on a geometric series */
			if (left * (1 + s * u + a + b) < 1e-15)
			{
				w /= -expm1(-(side < 0 ? a : b) * step);
				weight += w;
				sum += w * ExpectedAt(p, s, u);
				break;
			}
			weight += w;
			sum += w * ExpectedAt(p, s, u);
		}
	}
	return sum / weight;
}

/*
 * Purchases within the horizon.  Euler's transformation of the published
 * formula, a series that converges fast where parameters are of the order of
 * those of real customers; elsewhere, and where a or a + b + x is near 1 and
 * the formula 0 / 0, the integral that it stands for.
 */
static double
Expected(const BgNbdCustomer *c, double horizon)
{
	double		lead = c->a + c->b + c->x - 1;
	double		z = horizon / (c->alpha + c->age + horizon);
	double		series;

	if (c->a > 20 || c->b + c->x > 100 || z < 1e-4 || z > 0.99 || fabs(c->a - 1) < 1e-3 || fabs(lead) < 1e-3)
		return ExpectedByQuadrature(c->a, c->b + c->x, c->r + c->x, horizon / (c->alpha + c->age)) * Alive(c);
	series = Hypergeometric(c->a + c->b - 1 - c->r, c->a - 1, lead, z);
	return Max(0, lead / (c->a - 1) * (1 - exp((c->a - 1) * log1p(-z)) * series) * Alive(c)) + 0.0;
}

/* params, horizon, frequency, recency, age */
Datum
cdp_bg_nbd_expected(PG_FUNCTION_ARGS)
{
	BgNbdCustomer customer;
	double		horizon = PG_GETARG_FLOAT8(1);

	if (!GetCustomer(fcinfo, 2, &customer) || isnan(horizon))
		PG_RETURN_NULL();
	if (horizon < 0 || isinf(horizon))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon is out of range: %g", horizon)));
	PG_RETURN_FLOAT8(Expected(&customer, horizon));
}
