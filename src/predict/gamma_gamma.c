/*
 * gamma_gamma.c
 *		How much customers spend on a purchase: the Gamma-Gamma model of Fader
 *		and Hardie (2013).
 *
 * Purchases of a customer vary around a mean of his own (gamma: p), and the
 * means vary over the customers (gamma: q, v).  What is known of a customer:
 * x repeat purchases and their mean value.
 */
#include "core/core.h"

#include <math.h>

#include "predict/minimize.h"
#include "predict/sample.h"
#include "predict/special.h"

PG_FUNCTION_INFO_V1(cdp_fit_gamma_gamma_add);
PG_FUNCTION_INFO_V1(cdp_fit_gamma_gamma_final);
PG_FUNCTION_INFO_V1(cdp_gamma_gamma_expected);

/* state, frequency, mean value; who never came back, or for nothing, tells nothing */
Datum
cdp_fit_gamma_gamma_add(PG_FUNCTION_ARGS)
{
	int32		frequency;
	double		value;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || isnan(PG_GETARG_FLOAT8(2)))
		return SampleAdd(fcinfo, true, 0, 0, 0);
	frequency = PG_GETARG_INT32(1);
	value = PG_GETARG_FLOAT8(2);
	if (frequency < 0 || isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("impossible customer: frequency %d, mean value %g", frequency, value)));
	return SampleAdd(fcinfo, frequency == 0 || value <= 0, frequency, Max(value, 0), 0);
}

typedef struct GammaGamma
{
	Sample	   *sample;
	double		scale;			/* unit of money of the search */
	double		customers;
} GammaGamma;

static double
GammaGammaObjective(const double *log_params, double *gradient, void *arg)
{
	const GammaGamma *fit = arg;
	double		p = exp(log_params[0]),
				q = exp(log_params[1]),
				v = exp(log_params[2]);
	double		sum = 0,
				d_p = 0,
				d_q = 0,
				d_v = 0,
				gamma_part = 0,
				psi_sum = 0,
				psi_p = 0,
				psi_q = Digamma(q);
	int32		known = -1;

	for (uint32 i = 0; i < fit->sample->nrows; i++)
	{
		const SampleRow *row = &fit->sample->row[i];
		double		x = row->frequency;
		double		z = row->a / fit->scale;
		double		log_all = log(v + x * z);

		if (row->frequency != known)
		{
			known = row->frequency;
			gamma_part = lgamma(p * x + q) - lgamma(p * x) - lgamma(q) + q * log_params[2] + p * x * log(x);
			psi_sum = Digamma(p * x + q);
			psi_p = Digamma(p * x);
		}
		sum += row->count * (gamma_part + (p * x - 1) * log(z) - (p * x + q) * log_all);
		d_p += row->count * x * (psi_sum - psi_p + log(z) + log(x) - log_all);
		d_q += row->count * (psi_sum - psi_q + log_params[2] - log_all);
		d_v += row->count * (q / v - (p * x + q) / (v + x * z));
	}
	gradient[0] = -d_p * p / fit->customers;
	gradient[1] = -d_q * q / fit->customers;
	gradient[2] = -d_v * v / fit->customers;
	return -sum / fit->customers;
}

Datum
cdp_fit_gamma_gamma_final(PG_FUNCTION_ARGS)
{
	static const double start[3][3] = {{0, 0, 0}, {1.5, 1, -1}, {-1, 2, 2}};
	GammaGamma	fit = {0};
	double		best[3],
				best_value,
				total = 0;
	bool		converged;
	StringInfoData json;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	fit.sample = SampleOfState(PG_GETARG_DATUM(0));
	if (fit.sample->nrows == 0)
		PG_RETURN_NULL();
	for (uint32 i = 0; i < fit.sample->nrows; i++)
	{
		fit.customers += fit.sample->row[i].count;
		total += fit.sample->row[i].a * fit.sample->row[i].count;
	}
	fit.scale = total / fit.customers;
	if (fit.sample->nrows < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("all %.0f customers spend the same, so nothing can be learnt of how they differ", fit.customers)));
	converged = MinimizeFrom(GammaGammaObjective, &fit, 3, start[0], lengthof(start), best, &best_value);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	AppendParameter(&json, "p", exp(best[0]));
	AppendParameter(&json, "q", exp(best[1]));
	AppendParameter(&json, "v", exp(best[2]) * fit.scale);
	AppendParameter(&json, "log_likelihood", -best_value * fit.customers - fit.customers * log(fit.scale));
	appendStringInfo(&json, ", \"customers\": %.0f, \"passed_over\": " INT64_FORMAT ", \"converged\": %s}",
					 fit.customers, fit.sample->passed_over, converged ? "true" : "false");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* params, frequency, mean value; null: NaN, or the mean of the model does not exist */
Datum
cdp_gamma_gamma_expected(PG_FUNCTION_ARGS)
{
	Jsonb	   *params = PG_GETARG_JSONB_P(0);
	double		p = ModelParameter(params, "p"),
				q = ModelParameter(params, "q"),
				v = ModelParameter(params, "v");
	double		x = PG_GETARG_INT32(1);
	double		value = PG_GETARG_FLOAT8(2);

	if (!(p > 0 && q > 0 && v > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters of a Gamma-Gamma model must be greater than 0"),
				 errdetail("p %g, q %g, v %g", p, q, v)));
	if (x < 0 || isinf(value) || value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("impossible customer: frequency %.0f, mean value %g", x, value)));
	if (x == 0)
		value = 0;
	if (isnan(value) || p * x + q <= 1)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(p * (v + x * value) / (p * x + q - 1));
}
