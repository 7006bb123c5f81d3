/*
 * logistic.c
 *		Logistic regression with an L2 penalty, by Newton's method (IRLS).
 *
 * Features are scaled by their standard deviation; those whose mean is far
 * from 0 are moved there, too, so that a column of 10^9 and 10^9 + 1 does no
 * harm; the others are not, so that their zeros stay zeros and cost nothing.
 *
 * The dear part of a step is the Hessian.  A tenth of the examples leads near
 * the place; there the Hessian is computed once from all and kept as long as
 * steps with it come nearer fast, for a gradient costs a small part of it.
 * The order of the arithmetic is that of the rows: equal input, equal answer.
 */
#include "core/core.h"

#include <math.h>

#include "utils/array.h"
#include "utils/float.h"

#include "predict/examples.h"
#include "predict/sample.h"

PG_FUNCTION_INFO_V1(cdp_fit_logistic);
PG_FUNCTION_INFO_V1(cdp_logistic_probability);
PG_FUNCTION_INFO_V1(cdp_logistic_factors);

#define BATCH 8					/* rows whose part of the Hessian is added at once */
#define FAR_MEAN 3.0			/* in standard deviations */
#define SAMPLE_STEP 10
#define SAMPLE_MIN_BLOCKS 40

typedef struct Fit
{
	Examples   *examples;
	int			n;				/* variables: 0 is the intercept */
	int		   *variable;		/* of each feature, or 0: constant */
	int		   *feature;		/* of each variable */
	double	   *center;
	double	   *scale;			/* 1 / deviation */
	double	   *missing;		/* what stands for a missing value */
	bool	   *is_moved;
	int			nmoved;
	int		   *moved;
	double		l2;

	double	   *beta;
	double	   *gradient;
	double		loss;
	bool		wants_hessian;
	double	   *hessian;		/* n x n, lower half */
	double	   *factor;			/* its Cholesky factor */
	double	   *step;

	/* the row at hand */
	int		   *place;
	double	   *value;
	double	   *batch;			/* BATCH rows of n, times the root of their weight */
	int			nbatch;
	int			passes;
} Fit;

static void
FlushBatch(Fit *fit)
{
	int			n = fit->n;
	const double *x = fit->batch;

	if (fit->nbatch == 0)
		return;
	memset(fit->batch + (Size) fit->nbatch * n, 0, (Size) (BATCH - fit->nbatch) * n * sizeof(double));
	for (int a = 0; a < n; a++)
	{
		double	   *restrict h = fit->hessian + (Size) a * n;
		double		x0 = x[a],
					x1 = x[n + a],
					x2 = x[2 * n + a],
					x3 = x[3 * n + a],
					x4 = x[4 * n + a],
					x5 = x[5 * n + a],
					x6 = x[6 * n + a],
					x7 = x[7 * n + a];

		for (int b = 0; b <= a; b++)
			h[b] += x0 * x[b] + x1 * x[n + b] + x2 * x[2 * n + b] + x3 * x[3 * n + b] +
				x4 * x[4 * n + b] + x5 * x[5 * n + b] + x6 * x[6 * n + b] + x7 * x[7 * n + b];
	}
	fit->nbatch = 0;
}

static void
AddToHessian(Fit *fit, int count, double weight)
{
	if (count > fit->n / 3)
	{
		double	   *x = fit->batch + (Size) fit->nbatch * fit->n;
		double		root = sqrt(weight);

		memset(x, 0, fit->n * sizeof(double));
		for (int i = 0; i < count; i++)
			x[fit->place[i]] = root * fit->value[i];
		if (++fit->nbatch == BATCH)
			FlushBatch(fit);
		return;
	}
	for (int i = 0; i < count; i++)
	{
		double		weighted = weight * fit->value[i];

		for (int j = 0; j <= i; j++)
			fit->hessian[(Size) Max(fit->place[i], fit->place[j]) * fit->n + Min(fit->place[i], fit->place[j])] +=
				weighted * fit->value[j];
	}
}

/* the variables of a row that are not 0 */
static int
Variables(const Fit *fit, const ExampleRow *row, const uint16 *number, const double *value)
{
	int			count = 1;
	int			at = 0;

	fit->place[0] = 0;
	fit->value[0] = 1;
	for (int i = 0; i < row->count; i++)
	{
		int			variable = fit->variable[number[i]];

		if (variable == 0 || fit->is_moved[variable])
			continue;
		fit->place[count] = variable;
		fit->value[count++] = isnan(value[i]) ? fit->missing[variable] : value[i] * fit->scale[variable];
	}
	for (int i = 0; i < fit->nmoved; i++)
	{
		int			variable = fit->moved[i];
		double		x = 0;

		/* both lists are ascending */
		while (at < row->count && number[at] < fit->feature[variable])
			at++;
		if (at < row->count && number[at] == fit->feature[variable])
			x = value[at];
		fit->place[count] = variable;
		fit->value[count++] = isnan(x) ? fit->missing[variable] : (x - fit->center[variable]) * fit->scale[variable];
	}
	return count;
}

static void
AddExample(const ExampleRow *row, const uint16 *number, const double *value, void *arg)
{
	Fit		   *fit = arg;
	int			count = Variables(fit, row, number, value);
	double		score = 0;
	double		e,
				probability,
				residual;

	for (int i = 0; i < count; i++)
		score += fit->beta[fit->place[i]] * fit->value[i];
	e = exp(-fabs(score));
	probability = score >= 0 ? 1 / (1 + e) : e / (1 + e);
	fit->loss += log1p(e) + (row->label ? Max(-score, 0) : Max(score, 0));
	residual = probability - row->label;
	for (int i = 0; i < count; i++)
		fit->gradient[fit->place[i]] += residual * fit->value[i];
	if (fit->wants_hessian)
		AddToHessian(fit, count, e / ((1 + e) * (1 + e)));
}

/* loss with its penalty, gradient and, if wanted, Hessian at beta */
static void
Pass(Fit *fit, int step, bool hessian)
{
	double		l2 = fit->l2 / step;

	fit->passes++;
	fit->loss = 0;
	fit->wants_hessian = hessian;
	memset(fit->gradient, 0, fit->n * sizeof(double));
	if (hessian)
		memset(fit->hessian, 0, (Size) fit->n * fit->n * sizeof(double));
	EachExample(fit->examples, step, AddExample, fit);
	if (hessian)
		FlushBatch(fit);
	for (int i = 1; i < fit->n; i++)
	{
		fit->loss += l2 / 2 * fit->beta[i] * fit->beta[i];
		fit->gradient[i] += l2 * fit->beta[i];
		if (hessian)
			fit->hessian[(Size) i * fit->n + i] += l2;
	}
	ereport(DEBUG1,
			(errmsg_internal("cdp logistic regression: pass %d over 1/%d of the examples%s, loss %.10g",
							 fit->passes, step, hessian ? " with Hessian" : "", fit->loss)));
}

/* Cholesky factor of the Hessian; what is as good as singular gets a ridge */
static void
Factorize(Fit *fit)
{
	int			n = fit->n;
	double		ridge = 0;
	double		trace = 0;

	for (int i = 0; i < n; i++)
		trace += fit->hessian[(Size) i * n + i];
	for (;;)
	{
		bool		good = true;

		memcpy(fit->factor, fit->hessian, (Size) n * n * sizeof(double));
		for (int i = 0; i < n && good; i++)
		{
			double	   *row = fit->factor + (Size) i * n;

			CHECK_FOR_INTERRUPTS();
			for (int j = 0; j <= i; j++)
			{
				const double *other = fit->factor + (Size) j * n;
				double		sum = row[j] + (i == j ? ridge : 0);
				double		whole = sum;

				for (int k = 0; k < j; k++)
					sum -= row[k] * other[k];
				if (i == j)
				{
					good = sum > 1e-13 * whole && isfinite(sum);
					row[j] = good ? sqrt(sum) : 0;
				}
				else
					row[j] = sum / other[j];
			}
		}
		if (good)
			return;
		ridge = ridge == 0 ? Max(1e-12 * trace / n, 1e-300) : ridge * 100;
		if (!isfinite(ridge) || ridge > 1e100)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the model cannot be fitted: its features have no finite variation")));
	}
}

/* step = inverse of the Hessian times the gradient; returns how steep that is */
static double
Solve(Fit *fit)
{
	int			n = fit->n;
	double		slope = 0;

	for (int i = 0; i < n; i++)
	{
		double		sum = fit->gradient[i];

		for (int k = 0; k < i; k++)
			sum -= fit->factor[(Size) i * n + k] * fit->step[k];
		fit->step[i] = sum / fit->factor[(Size) i * n + i];
	}
	for (int i = n - 1; i >= 0; i--)
	{
		double		sum = fit->step[i];

		for (int k = i + 1; k < n; k++)
			sum -= fit->factor[(Size) k * n + i] * fit->step[k];
		fit->step[i] = sum / fit->factor[(Size) i * n + i];
	}
	for (int i = 0; i < n; i++)
		slope += fit->step[i] * fit->gradient[i];
	return slope;
}

/* Goes down until the slope is as good as none; true when it got there */
static bool
Descend(Fit *fit, int step, int max_steps, double tolerance)
{
	double		examples = (double) fit->examples->rows / step;
	double		before = INFINITY;
	double	   *start = palloc(fit->n * sizeof(double));

	Pass(fit, step, true);
	Factorize(fit);
	for (int i = 0; i < max_steps; i++)
	{
		double		slope = Solve(fit);
		double		loss = fit->loss;
		double		length = 1;
		bool		found = false;

		if (slope / 2 <= tolerance * examples)
			return true;
		if (slope > 0.05 * before)
		{
			/* the Hessian of another place does not help any more */
			Pass(fit, step, true);
			Factorize(fit);
			slope = Solve(fit);
		}
		before = slope;
		memcpy(start, fit->beta, fit->n * sizeof(double));
		for (int half = 0; half < 30 && !found; half++, length /= 2)
		{
			for (int k = 0; k < fit->n; k++)
				fit->beta[k] = start[k] - length * fit->step[k];
			Pass(fit, step, false);
			found = fit->loss <= loss + 1e-12 * fabs(loss) && isfinite(fit->loss);
			if (!found)
				before = 0;		/* a new Hessian next time */
		}
		if (!found)
		{
			memcpy(fit->beta, start, fit->n * sizeof(double));
			Pass(fit, step, false);
			return slope / 2 <= 1e-6 * examples;
		}
	}
	return false;
}

static void
ChooseVariables(Fit *fit, bool standardize)
{
	Examples   *examples = fit->examples;
	int			most = examples->nfeatures + 1;

	fit->variable = palloc0(most * sizeof(int));
	fit->feature = palloc0(most * sizeof(int));
	fit->center = palloc0(most * sizeof(double));
	fit->scale = palloc0(most * sizeof(double));
	fit->missing = palloc0(most * sizeof(double));
	fit->is_moved = palloc0(most * sizeof(bool));
	fit->moved = palloc0(most * sizeof(int));
	fit->n = 1;
	for (int i = 0; i < examples->nfeatures; i++)
	{
		double		mean = FeatureMean(examples, i);
		double		deviation = FeatureDeviation(examples, i);
		int			k = fit->n;

		/* a constant tells nothing, but without scaling it is the caller's */
		if (deviation == 0 && (standardize || mean == 0))
			continue;
		fit->variable[i] = k;
		fit->feature[k] = i;
		fit->scale[k] = standardize ? 1 / deviation : 1;
		if (standardize && fabs(mean) > FAR_MEAN * deviation)
		{
			fit->center[k] = mean;
			fit->is_moved[k] = true;
			fit->moved[fit->nmoved++] = k;
		}
		fit->missing[k] = (mean - fit->center[k]) * fit->scale[k];
		fit->n++;
	}
}

static void
AllocateFit(Fit *fit)
{
	int			n = fit->n;
	Size		square = (Size) n * n * sizeof(double);

	fit->beta = palloc0(n * sizeof(double));
	fit->gradient = palloc0(n * sizeof(double));
	fit->step = palloc0(n * sizeof(double));
	fit->place = palloc0(n * sizeof(int));
	fit->value = palloc0(n * sizeof(double));
	fit->batch = palloc0((Size) n * BATCH * sizeof(double));
	fit->hessian = palloc0(square);
	fit->factor = palloc0(square);
}

static void
AppendArray(StringInfo json, const char *name, const double *values, int n)
{
	appendStringInfo(json, ", \"%s\": [", name);
	for (int i = 0; i < n; i++)
	{
		char	   *text = float8out_internal(values[i]);

		appendStringInfo(json, "%s%s", i > 0 ? ", " : "", text);
		pfree(text);
	}
	appendStringInfoChar(json, ']');
}

static Datum
FitJson(Fit *fit, bool converged)
{
	Examples   *examples = fit->examples;
	int			n = examples->nfeatures;
	double	   *coefficient = palloc0((n + 1) * sizeof(double));
	double	   *mean = palloc0((n + 1) * sizeof(double));
	double	   *deviation = palloc0((n + 1) * sizeof(double));
	double		intercept = fit->beta[0];
	double		penalty = 0;
	StringInfoData json;

	for (int i = 0; i < n; i++)
	{
		int			k = fit->variable[i];

		mean[i] = FeatureMean(examples, i);
		deviation[i] = FeatureDeviation(examples, i);
		if (k == 0)
			continue;
		coefficient[i] = fit->beta[k] * fit->scale[k];
		intercept -= fit->beta[k] * fit->center[k] * fit->scale[k];
		penalty += fit->l2 / 2 * fit->beta[k] * fit->beta[k];
	}
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	AppendParameter(&json, "intercept", intercept);
	AppendArray(&json, "coefficients", coefficient, n);
	AppendArray(&json, "means", mean, n);
	AppendArray(&json, "deviations", deviation, n);
	AppendParameter(&json, "l2", fit->l2);
	AppendParameter(&json, "log_loss", (fit->loss - penalty) / examples->rows);
	appendStringInfo(&json, ", \"examples\": " UINT64_FORMAT ", \"positives\": " UINT64_FORMAT ", \"passes\": %d, \"bytes\": " UINT64_FORMAT ", \"converged\": %s}",
					 examples->rows, examples->positives, fit->passes, examples->bytes, converged ? "true" : "false");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* query, l2, standardize, max_steps */
Datum
cdp_fit_logistic(PG_FUNCTION_ARGS)
{
	char	   *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "cdp examples", ALLOCSET_DEFAULT_SIZES);
	Fit			fit = {0};
	int			max_steps = PG_GETARG_INT32(3);
	bool		converged;
	Datum		result;

	fit.l2 = PG_GETARG_FLOAT8(1);
	if (!(fit.l2 >= 0) || isinf(fit.l2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("l2 must be 0 or greater, not %g", fit.l2)));
	if (max_steps < 1 || max_steps > 10000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_steps must be from 1 to 10000, not %d", max_steps)));
	fit.examples = ReadExamples(sql, context);
	if (fit.examples->rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA),
				 errmsg("there are no examples to learn from")));
	if (fit.examples->positives == 0 || fit.examples->positives == fit.examples->rows)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA),
				 errmsg("all " UINT64_FORMAT " examples have the label %s, so there is nothing to tell apart",
						fit.examples->rows, fit.examples->positives == 0 ? "false" : "true")));
	ChooseVariables(&fit, PG_GETARG_BOOL(2));
	AllocateFit(&fit);
	fit.beta[0] = log((double) fit.examples->positives / (fit.examples->rows - fit.examples->positives));
	if (fit.examples->nblocks >= SAMPLE_MIN_BLOCKS)
		(void) Descend(&fit, SAMPLE_STEP, max_steps, 1e-9);
	converged = Descend(&fit, 1, max_steps, 1e-15);
	result = FitJson(&fit, converged);
	FreeExamples(fit.examples);
	MemoryContextDelete(context);
	return result;
}

/* An array of numbers without nulls, not copied */
static double *
Numbers(ArrayType *array, int *n, const char *name)
{
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_HASNULL(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must have no nulls", name)));
	return (double *) ARR_DATA_PTR(array);
}

/* Writes each feature's part of the score, less what it is on average; returns the number */
static int
Contributions(FunctionCallInfo fcinfo, double **parts, double *score)
{
	ArrayType  *coefficients = PG_GETARG_ARRAYTYPE_P(0),
			   *means = PG_GETARG_ARRAYTYPE_P(1),
			   *features = PG_GETARG_ARRAYTYPE_P(2);
	int			ncoefficients,
				nmeans,
				n = ArrayGetNItems(ARR_NDIM(features), ARR_DIMS(features));
	double	   *coefficient = Numbers(coefficients, &ncoefficients, "coefficients"),
			   *mean = Numbers(means, &nmeans, "means"),
			   *value = (double *) ARR_DATA_PTR(features);
	bits8	   *bitmap = ARR_NULLBITMAP(features);

	if (ncoefficients != n + 1 || nmeans != n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%d coefficients and %d means do not fit %d features", ncoefficients, nmeans, n),
				 errdetail("There is one coefficient more than there are features, the intercept, which comes first.")));
	*score = coefficient[0];
	*parts = palloc(Max(n, 1) * sizeof(double));
	for (int i = 0; i < n; i++)
	{
		double		x = bitmap == NULL || bitmap[i / 8] & (1 << (i % 8)) ? *value++ : mean[i];

		if (isnan(x))
			x = mean[i];
		*score += coefficient[i + 1] * x;
		(*parts)[i] = coefficient[i + 1] * (x - mean[i]);
	}
	return n;
}

/* coefficients, means, features */
Datum
cdp_logistic_probability(PG_FUNCTION_ARGS)
{
	double	   *parts;
	double		score;
	double		e;

	Contributions(fcinfo, &parts, &score);
	pfree(parts);
	if (isnan(score))
		PG_RETURN_NULL();
	e = exp(-fabs(score));
	PG_RETURN_FLOAT8(score >= 0 ? 1 / (1 + e) : e / (1 + e));
}

/* coefficients, means, features, how many: numbers of the features that matter most, negative when they lower the score */
Datum
cdp_logistic_factors(PG_FUNCTION_ARGS)
{
	double	   *parts;
	double		score;
	int			n = Contributions(fcinfo, &parts, &score);
	int			wanted = Max(0, Min(PG_GETARG_INT32(3), n));
	Datum	   *values = palloc(Max(wanted, 1) * sizeof(Datum));
	int			found = 0;

	for (; found < wanted; found++)
	{
		int			most = 0;

		for (int i = 1; i < n; i++)
			if (fabs(parts[i]) > fabs(parts[most]))
				most = i;
		if (!(fabs(parts[most]) > 0))
			break;
		values[found] = Int32GetDatum(parts[most] > 0 ? most + 1 : -(most + 1));
		parts[most] = 0;
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(values, found, INT4OID, 4, true, TYPALIGN_INT));
}
