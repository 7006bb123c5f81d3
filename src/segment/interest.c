/*
 * interest.c
 *		Topics of events, as view event_topic tells them: the categories of
 *		the things that an event names, and of the catalogue for things named
 *		by their product_id only.
 */
#include "core/core.h"

#include "executor/spi.h"
#include "utils/hsearch.h"

#include "profile/trait_type.h"
#include "segment/interest.h"

/* products by id; a longer id is looked up each time it comes */
#define PRODUCT_ID_MAX 64

typedef struct Product
{
	char		id[PRODUCT_ID_MAX]; /* key */
	text	   *category;		/* NULL: none, or no such product */
} Product;

struct InterestReader
{
	RulePlan   *plan;
	MemoryContext context;
	HTAB	   *products;
};

/* kept for the life of the session */
static SPIPlanPtr look_up = NULL;

/* Topics of the event at hand */
typedef struct Topics
{
	int			n;
	int			space;
	RuleValue  *list;
} Topics;

/* In the present memory context */
InterestReader *
NewInterestReader(RulePlan *plan)
{
	InterestReader *interests = palloc0(sizeof(InterestReader));
	HASHCTL		control = {.keysize = PRODUCT_ID_MAX,.entrysize = sizeof(Product),.hcxt = CurrentMemoryContext};

	interests->plan = plan;
	interests->context = CurrentMemoryContext;
	interests->products = hash_create("cdp products", 256, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	return interests;
}

static text *
ReadCategory(InterestReader *interests, text *id, MemoryContext context)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {PointerGetDatum(id)};
	text	   *category = NULL;
	bool		isnull = true;

	SPI_connect();
	if (look_up == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare("SELECT category FROM cdp.product WHERE product_id = $1", 1, types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not read the catalogue: %s", SPI_result_code_string(SPI_result));
		look_up = plan;
	}
	SPI_execute_plan(look_up, values, NULL, interests->plan->read_only, 1);
	if (SPI_processed == 1)
	{
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			category = DatumGetTextPCopy(value);
			MemoryContextSwitchTo(old);
		}
	}
	SPI_finish();
	return category;
}

static text *
CategoryOf(InterestReader *interests, text *id)
{
	char		key[PRODUCT_ID_MAX] = {0};
	int			length = VARSIZE_ANY_EXHDR(id);
	Product    *product;
	bool		found;

	if (length >= PRODUCT_ID_MAX)
		return ReadCategory(interests, id, CurrentMemoryContext);
	memcpy(key, VARDATA_ANY(id), length);
	product = hash_search(interests->products, key, HASH_FIND, NULL);
	if (product == NULL)
	{
		/* first, for it may fail */
		text	   *category = ReadCategory(interests, id, interests->context);

		product = hash_search(interests->products, key, HASH_ENTER, &found);
		product->category = category;
	}
	return product->category;
}

static text *
ItemText(JsonbContainer *item, const char *key, int length)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(item, key, length, &value) == NULL || value.type == jbvNull)
		return NULL;
	return ReadTraitText(&value);
}

/* The category of a thing, less the blanks around it */
static void
AddTopic(InterestReader *interests, Topics *topics, JsonbContainer *item)
{
	text	   *category = ItemText(item, "category", 8);
	text	   *id;
	RuleValue	topic = {VALUE_TEXT};

	if (category == NULL && (id = ItemText(item, "product_id", 10)) != NULL)
		category = CategoryOf(interests, id);
	if (category == NULL)
		return;
	topic.text = VARDATA_ANY(category);
	topic.length = VARSIZE_ANY_EXHDR(category);
	while (topic.length > 0 && topic.text[0] == ' ')
	{
		topic.text++;
		topic.length--;
	}
	while (topic.length > 0 && topic.text[topic.length - 1] == ' ')
		topic.length--;
	if (topic.length == 0)
		return;
	if (topics->n == topics->space)
	{
		topics->space = Max(8, topics->space * 2);
		topics->list = topics->list ? repalloc(topics->list, topics->space * sizeof(RuleValue)) :
			palloc(topics->space * sizeof(RuleValue));
	}
	topics->list[topics->n++] = topic;
}

static void
AddTopics(InterestReader *interests, Topics *topics, JsonbContainer *properties)
{
	JsonbValue	products;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;

	AddTopic(interests, topics, properties);
	if (getKeyJsonValueFromContainer(properties, "products", 8, &products) == NULL || products.type != jbvBinary ||
		!JsonContainerIsArray(products.val.binary.data))
		return;
	it = JsonbIteratorInit(products.val.binary.data);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_ELEM && v.type == jbvBinary && JsonContainerIsObject(v.val.binary.data))
			AddTopic(interests, topics, v.val.binary.data);
	}
}

/* How much an event tells of interest */
static float8
WeightOf(const struct varlena *name)
{
	static const struct
	{
		const char *name;
		float8		weight;
	}			weights[] = {
		{"Order Completed", 5},
		{"Product Added", 3},
		{"Product Added to Wishlist", 3},
		{"Product Removed", 0},
	};
	int			length = VARSIZE_ANY_EXHDR(name);

	for (int i = 0; i < lengthof(weights); i++)
		if (strlen(weights[i].name) == length && memcmp(weights[i].name, VARDATA_ANY(name), length) == 0)
			return weights[i].weight;
	return 1;
}

static int
ByValue(const void *a, const void *b)
{
	return CompareValues(a, b);
}

/* Adds the topics of an event; false when it has none */
bool
AddInterestFacts(InterestReader *interests, FactStore *store, const struct varlena *name, JsonbContainer *properties)
{
	RulePlan   *plan = interests->plan;
	Topics		topics = {0};
	RuleValue	weight = {VALUE_FLOAT};

	weight.real = WeightOf(name);
	if (properties == NULL || !JsonContainerIsObject(properties) || weight.real <= 0)
		return false;
	AddTopics(interests, &topics, properties);
	if (topics.n > 1)
		qsort(topics.list, topics.n, sizeof(RuleValue), ByValue);
	for (int i = 0; i < topics.n; i++)
	{
		if (i > 0 && CompareValues(&topics.list[i - 1], &topics.list[i]) == 0)
			continue;
		AddToFact(store, plan->interest_series, &weight);
		for (int s = 0; s < plan->nseries; s++)
			if (plan->series[s].kind == SERIES_INTEREST && plan->series[s].topic != NULL &&
				strlen(plan->series[s].topic) == topics.list[i].length &&
				memcmp(plan->series[s].topic, topics.list[i].text, topics.list[i].length) == 0)
				AddToFact(store, s, &weight);
	}
	return topics.n > 0;
}
