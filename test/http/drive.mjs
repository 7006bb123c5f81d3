// Drives the front for front.sh: node drive.mjs URL ROLE PID
import http from 'node:http'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { Analytics } from '@segment/analytics-node'
import pg from 'pg'

const [front, role, pid] = process.argv.slice(2)
const database = new pg.Client() // as the owner
await database.connect()
const rows = async (text, values) => (await database.query({ text, values, rowMode: 'array' })).rows
const value = async (text, values) => (await rows(text, values))[0]?.[0]

let checks = 0, failures = 0
function is (what, got, wanted) {
  checks++
  const [g, w] = [got, wanted].map(v => JSON.stringify(v))
  if (g !== w) failures++
  console.log(g === w ? `ok: ${what}: ${g}` : `NOT OK: ${what}: ${g}, wanted ${w}`)
}

const keys = {}
for (const source of ['plain', 'packed', 'browser', 'outage']) {
  await rows('SELECT cdp.add_source($1)', [source])
  keys[source] = await value("SELECT cdp.create_write_key($1, 'test')", [source])
}

// A network that fails the first try of most batches, before or after the
// front has stored them, and cuts connections.
const tries = new Map()
const faults = { none: 0, 'lost before': 0, 'lost after': 0, 'cut after': 0, 'told to wait': 0 }
const network = http.createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  // the SDK sends the same batch again with another sentAt
  const batch = request.headers['x-batch']
  const first = !tries.has(batch)
  if (first) tries.set(batch, 0)
  tries.set(batch, tries.get(batch) + 1)
  const fault = first ? Object.keys(faults)[tries.size % 5] : 'none'
  faults[fault]++
  if (fault === 'lost before') return response.writeHead(503).end()
  const { host, connection, ...headers } = request.headers
  const answer = await fetch(front + request.url, { method: 'POST', headers, body })
  const text = await answer.text()
  if (fault === 'lost after') return response.writeHead(503).end()
  if (fault === 'told to wait') return response.writeHead(429, { 'retry-after': '1' }).end()
  if (fault === 'cut after') return request.socket.destroy()
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
})
await new Promise(resolve => network.listen(0, '127.0.0.1', resolve))
const faulty = `http://127.0.0.1:${network.address().port}`

// The SDK's own client with a mark by which the network knows a batch, packed or not
const client = packed => async (url, { body, headers, ...rest }) => fetch(url, {
  ...rest,
  headers: { ...headers, 'x-batch': JSON.parse(body).batch[0].messageId, ...(packed && { 'content-encoding': 'gzip' }) },
  body: packed ? gzipSync(body) : body
})

// All kinds of messages; returns their ids, and how many of each type
async function send (analytics, count) {
  const sent = [], types = {}, refused = []
  analytics.on('error', error => refused.push(error))
  const told = (error, context) => { if (error) refused.push(error); sent.push(context.event.messageId) }
  for (let n = 0; n < count; n++) {
    const userId = `u${n % 40}`
    const timestamp = new Date(Date.UTC(2026, 2, 1) + n * 1000)
    const type = ['track', 'track', 'identify', 'page', 'screen', 'group', 'alias'][n % 7]
    types[type] = (types[type] ?? 0) + 1
    analytics[type]({
      track: { userId, event: 'Łódź Viewed', properties: { n, price: 1.5, nested: { a: [1, null, '✓'] } }, timestamp },
      identify: { userId, traits: { email: `u${n % 40}@example.org`, step: n }, timestamp },
      page: { anonymousId: `a${n % 40}`, name: 'Home', properties: { path: '/' }, timestamp },
      screen: { anonymousId: `a${n % 40}`, name: 'Start', timestamp },
      group: { userId, groupId: `g${n % 3}`, traits: { plan: 'pro' }, timestamp },
      alias: { userId, previousId: `old${n % 40}`, timestamp }
    }[type], told)
  }
  await analytics.closeAndFlush()
  return { sent, types, refused }
}

async function arrived (source, { sent, types, refused }) {
  is(`${source}: messages with an id of their own`, new Set(sent).size, sent.length)
  is(`${source}: refused by the SDK`, refused.map(String), [])
  is(`${source}: each arrived once`, await value(`SELECT count(*)::int FROM unnest($2::text[]) m
    WHERE (SELECT count(*) FROM cdp.event e WHERE e.message_key = cdp.message_key($1, m)) = 1`, [source, sent]), sent.length)
  is(`${source}: events by type`, Object.fromEntries(await rows(`SELECT type, count(*)::int FROM cdp.event e JOIN cdp.source s USING (source_id)
    WHERE s.name = $1 GROUP BY type ORDER BY type`, [source])), Object.fromEntries(Object.entries(types).sort()))
}

console.log('# the SDK through a network that fails')
for (const source of ['plain', 'packed']) {
  const analytics = new Analytics({ writeKey: keys[source], host: faulty, flushAt: 7, flushInterval: 200, maxRetries: 5, httpClient: client(source === 'packed') })
  await arrived(source, await send(analytics, 280))
}
console.log(JSON.stringify(faults))
is('every kind of fault was met', Object.values(faults).every(n => n >= 10), true)
is('batches stored more than once on the way', [...tries.values()].filter(n => n > 1).length >= 40, true)
is('rejected', await value('SELECT count(*)::int FROM cdp.rejected'), 0)
is('properties as sent', await value(`SELECT properties FROM cdp.event WHERE name = 'Łódź Viewed' AND properties ->> 'n' = '7'`),
  { n: 7, price: 1.5, nested: { a: [1, null, '✓'] } })
is('persons', await value(`SELECT count(DISTINCT cdp.find_profile('user_id', 'u' || n))::int FROM generate_series(0, 39) n`), 40)
is('the person of an e-mail', await value(`SELECT cdp.find_profile('email', 'u5@example.org') = cdp.find_profile('user_id', 'u5')`), true)

console.log('# plain requests')
const basic = key => `Basic ${Buffer.from(`${key}:`).toString('base64')}`
async function post (path, body, headers = {}) {
  const response = await fetch(front + path, { method: 'POST', body, headers })
  const text = await response.text()
  return { status: response.status, text, header: name => response.headers.get(name) }
}
const stored = id => value(`SELECT concat_ws(' ', e.type, e.name) FROM cdp.event e WHERE e.message_key = cdp.message_key('browser', $1)`, [id])
const bodies = {
  track: { event: 'Clicked', userId: 'b1' }, identify: { userId: 'b1', traits: { plan: 'pro' } }, page: { anonymousId: 'b2' },
  screen: { anonymousId: 'b2', name: 'Start' }, group: { userId: 'b1', groupId: 'g' }, alias: { userId: 'b1', previousId: 'b0' }
}
const short = { track: 't', identify: 'i', page: 'p', screen: 's', group: 'g', alias: 'a' }
const names = { track: 'Clicked', page: 'Page Viewed', screen: 'Screen Viewed' }
for (const [type, body] of Object.entries(bodies)) {
  for (const [path, how] of [[type, 'header'], [short[type], 'body']]) {
    const messageId = randomUUID()
    const answer = how === 'header'
      ? await post(`/v1/${path}`, JSON.stringify({ ...body, messageId }), { authorization: basic(keys.browser), 'content-type': 'application/json' })
      : await post(`/v1/${path}`, JSON.stringify({ ...body, messageId, writeKey: keys.browser }), { 'content-type': 'text/plain' })
    is(`/v1/${path}, key in the ${how}`, [answer.status, answer.text, answer.header('access-control-allow-origin'), await stored(messageId)],
      [200, '{"success":true}', '*', `${type} ${names[type] ?? type}`])
  }
}
const message = id => JSON.stringify({ type: 'track', event: 'Clicked', userId: 'b1', messageId: id })
const open = { authorization: basic(keys.browser) }
for (const path of ['/v1/b', '/v1/batch']) {
  const ids = [randomUUID(), randomUUID()]
  is(path, (await post(path, `{"batch":[${ids.map(message)}],"sentAt":"2026-03-01T00:00:00Z"}`, open)).status, 200)
  is(`${path}, stored`, await Promise.all(ids.map(stored)), ['track Clicked', 'track Clicked'])
}
is('a type of its own goes before the route', [(await post('/v1/track', '{"type":"page","userId":"b1","messageId":"own"}', open)).status, await stored('own')], [200, 'page Page Viewed'])
is('no digit is lost', [(await post('/v1/t', ' { "event":"Digits","userId":"b1","properties":{"n":12345678901234567890.10}}', open)).status,
  await value(`SELECT properties ->> 'n' FROM cdp.event WHERE name = 'Digits'`)], [200, '12345678901234567890.10'])
for (const type of ['application/x-www-form-urlencoded', 'application/json; charset=utf-8', 'image/png', 'text/plain;charset=UTF-8', '']) {
  const id = randomUUID()
  is(`content type "${type}"`, [(await post('/v1/batch', Buffer.from(message(id)), { ...open, ...(type && { 'content-type': type }) })).status, await stored(id)], [200, 'track Clicked'])
}
is('gzip', [(await post('/v1/track', gzipSync(message('packed')), { ...open, 'content-encoding': 'gzip' })).status, await stored('packed')], [200, 'track Clicked'])
const preflight = await fetch(`${front}/v1/t`, { method: 'OPTIONS', headers: { origin: 'https://shop.example', 'access-control-request-headers': 'authorization,content-type,x-retry-count' } })
is('OPTIONS', [preflight.status, preflight.headers.get('access-control-allow-origin'), preflight.headers.get('access-control-allow-headers')],
  [204, '*', 'authorization,content-type,x-retry-count'])

console.log('# what is refused')
const before = await value('SELECT count(*)::int FROM cdp.event')
const revoked = await value("SELECT cdp.create_write_key('browser')")
await rows('SELECT cdp.revoke_write_key($1::text)', [revoked])
const no = '{"success":false,"message":"invalid write key"}'
for (const [what, path, body, headers, wanted] of [
  ['unknown key', '/v1/t', message('x1'), { authorization: basic('0'.repeat(32)) }, [401, no]],
  ['revoked key', '/v1/t', message('x2'), { authorization: basic(revoked) }, [401, no]],
  ['key that is no text', '/v1/t', message('x3'), { authorization: basic('a\0b') }],
  ['unknown key in the body', '/v1/t', '{"writeKey":"' + "'; --" + '"}', {}, [401, no]],
  ['no key', '/v1/t', message('x4'), {}, [401]],
  ['key of another kind', '/v1/t', '{"writeKey":{"a":1}}', {}, [401]],
  ['Bearer', '/v1/t', message('x5'), { authorization: `Bearer ${keys.browser}` }, [401]],
  ['no JSON', '/v1/batch', `{"batch":[{"writeKey":"${keys.browser}",`, open, [400]],
  ['no JSON and no key', '/v1/batch', '{"batch":[', {}, [401]],
  ['a zero byte, which PostgreSQL cannot hold', '/v1/batch', '{"a":"\0"}', open, [200]],
  ['nothing', '/v1/batch', '', open, [400]],
  ['too large', '/v1/batch', JSON.stringify({ a: 'x'.repeat(1048576) }), open, [413]],
  ['too large when unpacked', '/v1/batch', gzipSync(JSON.stringify({ a: 'x'.repeat(20000000) })), { ...open, 'content-encoding': 'gzip' }, [413]],
  ['no gzip', '/v1/batch', message('x6'), { ...open, 'content-encoding': 'gzip' }, [400]],
  ['another path', '/v1/nothing', message('x7'), open, [404]]
]) {
  const answer = await post(path, body, headers)
  is(what, [answer.status, answer.text].slice(0, (wanted ?? [401]).length), wanted ?? [401])
  is(`${what}: seen by a browser`, answer.header('access-control-allow-origin'), '*')
}
is('GET', (await fetch(`${front}/v1/t`)).status, 404)
is('nothing of it was stored', await value('SELECT count(*)::int FROM cdp.event') - before, 0)
is('what is no message is kept', await rows('SELECT code, payload FROM cdp.rejected ORDER BY rejected_id'),
  [['22P02', '{"batch":[{"writeKey":"",'], ['CDX13', '{"a":"\uFFFD"}'], ['22P02', '']])
is('messages without a person are kept too', [(await post('/v1/t', '{"event":"Nobody"}', open)).status,
  await value("SELECT code FROM cdp.rejected WHERE payload ~ 'Nobody'")], [200, 'CDX11'])
for (const [what, text] of [['the tables', 'SELECT FROM cdp.event'], ['the keys', 'SELECT FROM cdp.write_key'],
  ['ingest()', "SELECT cdp.ingest('browser', '{}'::text)"], ['create_write_key()', "SELECT cdp.create_write_key('browser')"]]) {
  await rows(`SET ROLE ${role}`)
  is(`the front's role and ${what}`, await rows(text).then(() => 'may', error => error.code), '42501')
  await rows('RESET ROLE')
}
is('no key is stored anywhere', await value(`SELECT (SELECT count(*) FROM cdp.event e WHERE e::text ~ $1) + (SELECT count(*) FROM cdp.rejected r WHERE r::text ~ $1)
  + (SELECT count(*) FROM cdp.write_key k WHERE k::text ~ $1)`, [Object.values(keys).join('|')]), '0')

console.log('# while the database is not to be had')
await rows(`ALTER ROLE ${role} NOLOGIN`)
await rows('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [role])
await sleep(300)
const trouble = await post('/v1/track', message('trouble'), open)
is('a request', [trouble.status, trouble.header('retry-after'), trouble.text], [429, '1', '{"success":false,"message":"try again later"}'])
const during = send(new Analytics({ writeKey: keys.outage, host: front, flushAt: 10, flushInterval: 100, httpClient: client(false) }), 70)
await sleep(2500)
is('nothing arrives', await value("SELECT count(*)::int FROM cdp.event e JOIN cdp.source s USING (source_id) WHERE s.name = 'outage'"), 0)
await rows(`ALTER ROLE ${role} LOGIN`)
await arrived('outage', await during)
is('the same request again', [(await post('/v1/track', message('trouble'), open)).status, await stored('trouble')], [200, 'track Clicked'])

console.log('# the end')
process.kill(Number(pid), 'SIGTERM')
await sleep(500)
is('the front stops when asked', await fetch(front).then(() => 'answers', () => 'gone'), 'gone')
network.close()
await database.end()
console.log(`${checks} checks, ${failures} failed`)
process.exit(failures ? 1 : 0)
