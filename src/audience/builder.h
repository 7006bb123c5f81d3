/*
 * builder.h
 *		An audience in memory that ids and other audiences are added to.
 */
#ifndef CDP_AUDIENCE_BUILDER_H
#define CDP_AUDIENCE_BUILDER_H

#include "audience/audience.h"

/*
 * A container that can change.  Up to four members of an array stand in the
 * chunk itself, so that ids far apart cost no allocation each.
 */
#define CHUNK_FEW 4

typedef struct Chunk
{
	uint64		key;
	uint32		count;
	uint32		runs;			/* 0: not counted since the last change */
	uint32		capacity;		/* of an array */
	uint16		kind;
	union
	{
		uint16		few[CHUNK_FEW];
		uint16	   *array;
		uint64	   *bits;
		AudienceRun *run;
	}			data;
} Chunk;

typedef struct AudienceBuilder
{
	MemoryContext context;
	Chunk	   *chunk;			/* ascending by key */
	uint32		chunks;
	uint32		capacity;
	uint64	   *pending;		/* ids that are in no chunk yet */
	uint32		npending;
	uint32		pending_capacity;
} AudienceBuilder;

extern void BuilderInit(AudienceBuilder *builder, MemoryContext context);
extern void BuilderFlush(AudienceBuilder *builder);
extern void BuilderMakeRoom(AudienceBuilder *builder);
extern void BuilderAddRange(AudienceBuilder *builder, uint64 first, uint64 last);
extern void BuilderAddAudience(AudienceBuilder *builder, const Audience *audience);
extern uint64 BuilderCount(AudienceBuilder *builder);
extern Size BuilderSize(AudienceBuilder *builder);
extern void BuilderWrite(AudienceBuilder *builder, Audience *audience, Size size);
extern Audience *BuilderResult(AudienceBuilder *builder);

static inline void
BuilderAdd(AudienceBuilder *builder, uint64 id)
{
	if (builder->npending == builder->pending_capacity)
		BuilderMakeRoom(builder);
	builder->pending[builder->npending++] = id;
}

#endif							/* CDP_AUDIENCE_BUILDER_H */
