/*
 * core.h
 *		What every file of the extension includes.
 *
 * A module includes headers only from modules to its left:
 * core, identity, profile, consent, event, audience, segment,
 * analytics, predict, activation, jobs.
 */
#ifndef CDP_CORE_H
#define CDP_CORE_H

#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/compat.h"
#include "core/errors.h"

#endif							/* CDP_CORE_H */
