/*
 * reader.c
 *		Rules asked by roles that may not read the tables.
 *
 * Whom a role may see is asked as that role, of the reader views; the facts of
 * these persons are then read as the owner of the tables.  The functions that
 * do so have a pinned search_path, so that nothing of the caller's is found by
 * the owner's queries.  After an error the server gives the role back.
 */
#include "core/core.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "segment/reader.h"
#include "segment/statement.h"

/* Owner of the tables; InvalidOid when there are none */
static Oid
TableOwner(void)
{
	Oid			relation = get_relname_relid("profile", get_namespace_oid("cdp", false));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Does the caller read as the owner anyway? */
bool
ReadsAll(void)
{
	Oid			owner = TableOwner();

	return !OidIsValid(owner) || has_privs_of_role(GetUserId(), owner);
}

void
BecomeOwner(Role *before)
{
	Oid			owner = TableOwner();

	GetUserIdAndSecContext(&before->user, &before->context);
	before->reader = ReadsAll() ? InvalidOid : before->user;
	if (OidIsValid(owner) && owner != before->user)
		SetUserIdAndSecContext(owner, before->context | SECURITY_LOCAL_USERID_CHANGE);
}

void
BecomeCaller(const Role *before)
{
	SetUserIdAndSecContext(before->user, before->context);
}

/*
 * The living profile that an id leads to, for the persons whom the caller may
 * see; the owner also gets those that live no more.  False when there is none.
 */
bool
VisibleProfile(int64 issued_id, int64 *profile_id)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(issued_id)};
	const char *query = ReadsAll() ?
	"SELECT coalesce(merged_into, profile_id) FROM cdp.profile WHERE profile_id = $1" :
	"SELECT profile_id FROM cdp.customer_profile_id WHERE issued_id = $1";
	bool		found;
	bool		isnull;

	SPI_connect();
	ExecuteKept(query, 1, types, values, true);
	found = SPI_processed == 1;
	if (found)
		*profile_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return found;
}

/* All living profiles that the caller may see, sorted; NULL: every one */
int64 *
VisibleProfiles(int *n)
{
	MemoryContext caller = CurrentMemoryContext;
	int64	   *ids;
	bool		isnull;

	if (ReadsAll())
		return NULL;
	SPI_connect();
	SPI_execute("SELECT profile_id FROM cdp.customer_profile_id WHERE issued_id = profile_id ORDER BY profile_id", true, 0);
	ids = MemoryContextAllocHuge(caller, Max(SPI_processed, 1) * sizeof(int64));
	*n = SPI_processed;
	for (uint64 i = 0; i < SPI_processed; i++)
		ids[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return ids;
}
