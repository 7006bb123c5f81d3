/*
 * module.c
 *		The loadable module: magic block and settings.
 */
#include "core/core.h"

#include "core/settings.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	DefineSettings();
}
