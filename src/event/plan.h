/*
 * plan.h
 *		The tracking plan: what properties an event should have.
 */
#ifndef CDP_PLAN_H
#define CDP_PLAN_H

#include "event/batch.h"

typedef enum PlanType
{
	PLAN_TEXT,
	PLAN_NUMERIC,
	PLAN_BIGINT,
	PLAN_FLOAT8,
	PLAN_BOOLEAN,
	PLAN_DATE,
	PLAN_TIMESTAMPTZ,
	PLAN_TEXT_ARRAY,
	PLAN_JSONB
} PlanType;

typedef struct PlanProperty
{
	char	   *path;
	PlanType	type;
	bool		is_required;
	const JsonNode *allowed;	/* list of scalars, or NULL */
} PlanProperty;

typedef struct EventPlan
{
	char	   *name;
	int			nproperties;
	PlanProperty *properties;
} EventPlan;

typedef struct TrackingPlan
{
	int			nevents;		/* with declared properties, sorted by name */
	EventPlan  *events;
} TrackingPlan;

/* Reads the plan in the current memory context.  SPI must be connected. */
extern TrackingPlan *LoadTrackingPlan(void);

extern PlanMode PlanModeFromText(const char *mode);

/* A property by its path, as the stored event will have it; NULL: none. */
extern const JsonNode *PropertyOfMessage(const Message *m, const char *path);

/* Notes what is against the plan; false when the message was rejected for it. */
extern bool CheckPlan(Batch *batch, const Message *m);

#endif							/* CDP_PLAN_H */
