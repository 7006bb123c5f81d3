/*
 * bytes.c
 *		The door for audiences from outside, and the binary form on the way out.
 *
 * Bytes that anybody may have made are checked here, once and wholly: sizes,
 * order, counts, kinds, fill bytes, and that each container is written the one
 * way it should be.  All other code relies on it.
 */
#include "core/core.h"

#include "libpq/pqformat.h"

#include "audience/audience.h"

PG_FUNCTION_INFO_V1(cdp_audience_recv);
PG_FUNCTION_INFO_V1(cdp_audience_send);
PG_FUNCTION_INFO_V1(cdp_audience_of_bytea);
PG_FUNCTION_INFO_V1(cdp_audience_to_bytea);

#ifdef WORDS_BIGENDIAN
static void
SwapHeader(Audience *audience)
{
	audience->count = pg_bswap64(audience->count);
	audience->containers = pg_bswap32(audience->containers);
	audience->zero2 = pg_bswap32(audience->zero2);
}

static void
SwapShorts(uint16 *values, Size bytes)
{
	for (Size i = 0; i < bytes / 2; i++)
		values[i] = pg_bswap16(values[i]);
}

/* an entry; its place is a number, or a payload of shorts */
static void
SwapEntry(AudienceEntry *entry, Size (*bytes) (const AudienceEntry *entry), bool to_machine)
{
	AudienceEntry before = *entry;

	entry->key_count = pg_bswap64(entry->key_count);
	entry->runs = pg_bswap16(entry->runs);
	entry->kind = pg_bswap16(entry->kind);
	if (bytes(to_machine ? entry : &before) <= INLINE_BYTES)
		SwapShorts((uint16 *) &entry->place, sizeof(uint32));
	else
		entry->place = pg_bswap32(entry->place);
}

static void
SwapPayload(int kind, void *payload, Size bytes)
{
	if (kind == CONTAINER_BITSET)
		for (int i = 0; i < BITSET_WORDS; i++)
			((uint64 *) payload)[i] = pg_bswap64(((uint64 *) payload)[i]);
	else
		SwapShorts(payload, bytes);
}
#endif

static Size
EntryBytes(const AudienceEntry *entry)
{
	return ContainerBytes(entry->kind, ENTRY_COUNT(entry), entry->runs);
}

static bool
AllZero(const char *bytes, Size size)
{
	while (size > 0)
		if (bytes[--size] != 0)
			return false;
	return true;
}

/* the members of a container as its bytes have them, or 0 when they are out of order */
static uint32
CountMembers(const Container *container)
{
	uint32		count = 0,
				next = 0;

	switch (container->kind)
	{
		case CONTAINER_ARRAY:
			for (uint32 i = 1; i < container->count; i++)
				if (container->array[i] <= container->array[i - 1])
					return 0;
			return container->count;
		case CONTAINER_BITSET:
			return BitsetCount(container->bits);
		default:
			for (uint32 i = 0; i < container->runs; i++)
			{
				uint32		first = container->run[i].first,
							last = first + container->run[i].more;

				/* next is where a run would only prolong the one before */
				if ((i > 0 && first <= next) || last >= CONTAINER_IDS)
					return 0;
				count += last - first + 1;
				next = last + 1;
			}
			return count;
	}
}

/* What is wrong with a container whose payload lies within the value, or NULL */
static const char *
ContainerFault(const Container *container)
{
	Size		bytes = ContainerBytes(container->kind, container->count, container->runs);
	Size		room = bytes <= INLINE_BYTES ? INLINE_BYTES : TYPEALIGN(8, bytes);

	if (!AllZero((const char *) container->data + bytes, room - bytes))
		return "fill bytes are not zero";
	if (CountMembers(container) != container->count)
		return "members are not in order, or not as many as stated";
	if (ContainerChoose(container->count, ContainerRuns(container)) != container->kind)
		return "a container of that content has another kind";
	return NULL;
}

/* What is wrong with an entry taken for itself, or NULL */
static const char *
EntryFault(const AudienceEntry *entry)
{
	if (ENTRY_KEY(entry) >= CONTAINER_KEYS)
		return "id is out of range";
	if (entry->kind < CONTAINER_ARRAY || entry->kind > CONTAINER_RUN)
		return "unknown kind of container";
	if ((entry->kind == CONTAINER_RUN) != (entry->runs > 0))
		return "number of runs does not go with the kind of container";
	if ((entry->kind == CONTAINER_ARRAY && ENTRY_COUNT(entry) > ARRAY_MAX) ||
		entry->runs * sizeof(AudienceRun) >= BITSET_BYTES)
		return "container is larger than its kind may be";
	return NULL;
}

/* What is wrong with a value, or NULL; numbers become those of the machine */
static const char *
AudienceFault(Audience *audience, uint32 *container)
{
	Size		size = VARSIZE(audience),
				place = 0;
	uint64		count = 0;
	const char *fault;

	*container = 0;
	if (size < AUDIENCE_HEADER)
		return "too short";
#ifdef WORDS_BIGENDIAN
	SwapHeader(audience);
#endif
	if (audience->magic[0] != 'A' || audience->magic[1] != 'u')
		return "does not begin as an audience does";
	if (audience->version != AUDIENCE_VERSION)
		return "unknown version";
	if (audience->zero != 0 || audience->zero2 != 0)
		return "fill bytes are not zero";
	if (audience->containers > AUDIENCE_MAX_CONTAINERS ||
		audience->containers * sizeof(AudienceEntry) > size - AUDIENCE_HEADER)
		return "too short for its directory";
	size -= AUDIENCE_HEADER + audience->containers * sizeof(AudienceEntry);

	for (uint32 i = 0; i < audience->containers; i++)
	{
		AudienceEntry *entry = &audience->entry[i];
		Container	view;
		Size		room;

		CHECK_FOR_INTERRUPTS();
		*container = i + 1;
#ifdef WORDS_BIGENDIAN
		SwapEntry(entry, EntryBytes, true);
#endif
		if ((fault = EntryFault(entry)) != NULL)
			return fault;
		if (i > 0 && ENTRY_KEY(entry) <= ENTRY_KEY(entry - 1))
			return "containers are not in order";
		room = ContainerRoom(EntryBytes(entry));
		if (room > 0 && entry->place != place / 8)
			return "payloads are not in order";
		if (room > size - place)
			return "too short for its containers";
		view = AudienceContainer(audience, i);
#ifdef WORDS_BIGENDIAN
		if (room > 0)
			SwapPayload(view.kind, (void *) view.data, EntryBytes(entry));
#endif
		if ((fault = ContainerFault(&view)) != NULL)
			return fault;
		place += room;
		count += view.count;
	}
	*container = 0;
	if (place != size)
		return "longer than its containers";
	if (count != audience->count)
		return "number of members is not the sum of its containers";
	return NULL;
}

/*
 * Takes bytes that stand in the place of a value (from offset 4 on, with the
 * length set, aligned and writable), and raises 22P03 unless they are one.
 */
Audience *
AudienceFromBytes(Audience *audience)
{
	uint32		container;
	const char *fault = AudienceFault(audience, &container);

	if (fault != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary audience: %s", fault),
				 container > 0 ? errdetail("Container %u of %u.", container, audience->containers) : 0));
	return audience;
}

static Audience *
AudienceOfBytes(const char *bytes, Size size)
{
	Audience   *audience = palloc(Max(size + VARHDRSZ, AUDIENCE_HEADER));

	SET_VARSIZE(audience, size + VARHDRSZ);
	memcpy(VARDATA(audience), bytes, size);
	return AudienceFromBytes(audience);
}

/* the binary form, whose numbers are little endian; may be the value itself */
bytea *
AudienceToBytes(Audience *audience)
{
#ifdef WORDS_BIGENDIAN
	Audience   *copy = palloc(VARSIZE(audience));

	memcpy(copy, audience, VARSIZE(audience));
	for (uint32 i = 0; i < copy->containers; i++)
	{
		Container	view = AudienceContainer(copy, i);
		Size		bytes = EntryBytes(&copy->entry[i]);

		if (bytes > INLINE_BYTES)
			SwapPayload(view.kind, (void *) view.data, bytes);
	}
	for (uint32 i = 0; i < copy->containers; i++)
		SwapEntry(&copy->entry[i], EntryBytes, false);
	SwapHeader(copy);
	audience = copy;
#endif
	return (bytea *) audience;
}

Datum
cdp_audience_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			size = message->len - message->cursor;

	PG_RETURN_AUDIENCE(AudienceOfBytes(pq_getmsgbytes(message, size), size));
}

Datum
cdp_audience_send(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = AudienceToBytes(PG_GETARG_AUDIENCE(0));

	PG_RETURN_BYTEA_P(bytes);
}

/* Bytes fetched from elsewhere are a copy of our own: they are checked in place */
Datum
cdp_audience_of_bytea(PG_FUNCTION_ARGS)
{
	struct varlena *given = (struct varlena *) PG_GETARG_POINTER(0);
	struct varlena *bytes = PG_DETOAST_DATUM(PG_GETARG_DATUM(0));

	if (bytes != given)
		PG_RETURN_AUDIENCE(AudienceFromBytes((Audience *) bytes));
	PG_RETURN_AUDIENCE(AudienceOfBytes(VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ));
}

Datum
cdp_audience_to_bytea(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = AudienceToBytes(PG_GETARG_AUDIENCE(0));

	PG_RETURN_BYTEA_P(bytes);
}
