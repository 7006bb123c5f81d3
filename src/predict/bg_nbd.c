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
	double		best[4] = {0},
				best_value = INFINITY;
	bool		converged = false;
	int64		repeats = 0;
	StringInfoData json;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	fit.sample = SampleOfState(PG_GETARG_DATUM(0));
	if (fit.sample->nrows == 0)
		PG_RETURN_NULL();
	Prepare(&fit, &repeats);
	/* further starts only when one did not arrive */
	for (int i = 0; i < lengthof(start) && !converged; i++)
	{
		double		x[4],
					value;
		int			evaluations;
		bool		arrived;

		memcpy(x, start[i], sizeof(x));
		arrived = Minimize(BgNbdObjective, &fit, 4, x, &value, &evaluations);
		if (isfinite(value) && (value < best_value || (arrived && value <= best_value + 1e-9)))
		{
			memcpy(best, x, sizeof(best));
			best_value = value;
			converged = arrived;
		}
	}
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
 * Purchases within the horizon.  Euler's transformation of the published
 * formula, so that the series converges fast and many purchases do not
 * overflow; where a is 1, or a + b + x is, the formula is 0 / 0 and the mean
 * of both sides stands for it.
 */
static double
Expected(const BgNbdCustomer *c, double horizon)
{
	double		lead = c->a + c->b + c->x - 1;
	double		z = horizon / (c->alpha + c->age + horizon);
	double		series;

	if (fabs(c->a - 1) < 1e-6 || fabs(lead) < 1e-6)
	{
		BgNbdCustomer below = *c,
					above = *c;

		below.a -= 4e-6;
		above.a += 4e-6;
		return (Expected(&below, horizon) + Expected(&above, horizon)) / 2;
	}
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
