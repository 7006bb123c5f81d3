#!/usr/bin/env bash
# Three months of a wholesaler's invoices, a row a line, read through file_fdw:
# every invoice is one order with all its lines, and the totals are those of
# the file and of the README beside it.
. "$(dirname "$0")/common"
shared_data retail

scratch shop
if [ "$(ask "$shop" "SELECT count(*) FROM pg_available_extensions WHERE name = 'file_fdw'")" = 0 ]; then
	echo 'skipped: file_fdw is not installed'
	exit 77
fi
# a copy, where the server may read it
copy=${CDP_TMP:-$(mktemp -d)}
cp "$data/online_retail_2010-12_2011-02.csv" "$copy/retail.csv"
chmod 755 "$copy" && chmod 644 "$copy/retail.csv"

run "$shop" -o /dev/null <<SQL
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE line (invoice_no text, stock_code text, description text, quantity int, invoice_date timestamp,
	unit_price numeric, customer_id text, country text) SERVER files OPTIONS (filename '$copy/retail.csv', format 'csv', header 'true');
-- what the file does not tell: the total of an invoice, and who an unknown buyer is
CREATE VIEW invoice_line AS
SELECT l.*, 'GBP' AS currency, sum(l.quantity * l.unit_price) OVER (PARTITION BY l.invoice_no) AS total,
	CASE WHEN l.customer_id IS NULL THEN 'receipt ' || l.invoice_no END AS visitor
FROM line l;
UPDATE cdp.setting SET value = 'GBP' WHERE name = 'base_currency';
UPDATE cdp.setting SET value = 'Europe/London' WHERE name = 'time_zone';
SELECT cdp.add_source('till', 'crm');
CREATE TABLE counted AS SELECT * FROM cdp.import_table('till', 'line', '{"identifiers": {"crm_id": "customer_id"},
	"event": {"name": "Order Completed", "message_id": "invoice_no", "occurred_at": "invoice_date", "properties": {"order_id": "invoice_no", "country": "country"}},
	"items": {"group_by": "invoice_no", "fields": {"sku": "stock_code", "name": "description", "quantity": "quantity", "price": "unit_price"}}}');
SQL
is 'rows of the file' "$(ask "$shop" 'SELECT count(*) FROM line')" 105335

echo '# straight from the file: the invoices of known customers'
is 'received, accepted, duplicate' "$(ask "$shop" 'SELECT received, accepted, duplicate FROM counted')" "$(ask "$shop" 'SELECT count(DISTINCT invoice_no), count(DISTINCT invoice_no) FILTER (WHERE customer_id IS NOT NULL), 0 FROM line')"
is 'rejected for having no buyer' "$(ask "$shop" "SELECT count(*) FROM cdp.rejected WHERE code = 'CDX11'")" "$(ask "$shop" 'SELECT count(DISTINCT invoice_no) FROM line WHERE customer_id IS NULL')"
is 'customers' "$(ask "$shop" 'SELECT count(DISTINCT profile_id) FROM cdp.customer_order')" 1749
is 'lines' "$(ask "$shop" 'SELECT count(*) FROM cdp.customer_order_item')" $((105335 - 36210))

echo '# with totals, and a person for each receipt without a customer'
mapping='{"identifiers": {"crm_id": "customer_id", "anonymous_id": "visitor"},
	"event": {"name": "Order Completed", "message_id": "invoice_no", "occurred_at": "invoice_date",
			  "properties": {"order_id": "invoice_no", "revenue": "total", "currency": "currency", "country": "country"}},
	"items": {"group_by": "invoice_no", "fields": {"sku": "stock_code", "name": "description", "quantity": "quantity", "price": "unit_price"}}}'
run "$shop" -o /dev/null <<SQL
TRUNCATE cdp.rejected;
DELETE FROM cdp.event;
CREATE TABLE counted_2 AS SELECT * FROM cdp.import_table('till', 'invoice_line', '$mapping');
ANALYZE cdp.event;
SQL
is 'received, accepted, duplicate, rejected' "$(ask "$shop" 'SELECT received, accepted, duplicate, rejected FROM counted_2')" '4894|4894|0|0'
is 'orders' "$(ask "$shop" 'SELECT count(*) FROM cdp.customer_order')" 4894
is 'orders whose number begins with C' "$(ask "$shop" "SELECT count(*) FROM cdp.customer_order WHERE order_id LIKE 'C%'")" 805
is 'sum of the orders' "$(ask "$shop" 'SELECT round(sum(gross), 2) FROM cdp.customer_order')" 1807019.93
is 'sum in the base currency' "$(ask "$shop" 'SELECT round(sum(net_base), 2) FROM cdp.customer_order')" 1807019.93
is 'sum of revenue_base' "$(ask "$shop" 'SELECT round(sum(revenue_base), 2) FROM cdp.event WHERE NOT is_echo')" 1807019.93
is 'lines' "$(ask "$shop" 'SELECT count(*) FROM cdp.customer_order_item')" 105335
is 'lines of orders' "$(ask "$shop" 'SELECT sum(lines) FROM cdp.customer_order')" 105335
is 'sum of the lines' "$(ask "$shop" 'SELECT round(sum(amount), 2) FROM cdp.customer_order_item')" 1807019.93
is 'stock codes' "$(ask "$shop" 'SELECT count(DISTINCT sku) FROM cdp.customer_order_item')" 3159
is 'customers' "$(ask "$shop" "SELECT count(DISTINCT o.profile_id) FROM cdp.customer_order o JOIN cdp.profile_identity i ON i.profile_id = o.profile_id AND i.type = 'crm_id'")" 1749
is 'orders that differ from the file in customer, total, lines or pieces' "$(ask "$shop" "
SELECT count(*)
FROM (SELECT invoice_no, min(customer_id) AS customer_id, sum(quantity * unit_price) AS total, count(*) AS lines, sum(quantity) AS items FROM line GROUP BY 1) f
FULL JOIN (SELECT o.order_id, i.value AS customer_id, o.gross, o.lines, o.items FROM cdp.customer_order o
		   LEFT JOIN cdp.profile_identity i ON i.profile_id = o.profile_id AND i.type = 'crm_id') o ON o.order_id = f.invoice_no
WHERE (f.customer_id, f.total, f.lines, f.items) IS DISTINCT FROM (o.customer_id, o.gross, o.lines, o.items)")" 0
is 'lines that differ from the file' "$(ask "$shop" "
SELECT count(*) FROM (
	(SELECT invoice_no, stock_code, description, quantity, unit_price, count(*) FROM line GROUP BY 1, 2, 3, 4, 5)
	EXCEPT
	(SELECT order_id, sku, name, quantity, price, count(*) FROM cdp.customer_order_item GROUP BY 1, 2, 3, 4, 5)) d")" 0
is 'orders at another time than the first line of their invoice' "$(ask "$shop" "
SELECT count(*) FROM cdp.customer_order o JOIN (SELECT invoice_no, min(invoice_date) AS at FROM line GROUP BY 1) f ON f.invoice_no = o.order_id
WHERE o.ordered_at <> f.at AT TIME ZONE 'Europe/London'")" 0
is 'imported once more: accepted and duplicate' "$(ask "$shop" "SELECT accepted, duplicate FROM cdp.import_table('till', 'invoice_line', '$mapping')")" '0|4894'
done_testing
