// An HTTP front for client libraries that speak the Segment protocol; README.md
// tells how to run it.  Everything that matters happens in cdp.ingest_with_key().
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import fastify from 'fastify'
import pg from 'pg'

const limit = Number(process.env.BODY_LIMIT ?? 4 << 20) // bytes, packed and unpacked
const retryAfter = process.env.RETRY_AFTER ?? '15' // seconds
const types = { b: '', t: 'track', i: 'identify', p: 'page', s: 'screen', g: 'group', a: 'alias', batch: '' }
for (const type of Object.values(types)) if (type) types[type] = type

const pool = new pg.Pool({ max: 4, connectionTimeoutMillis: 5000, query_timeout: 30000, statement_timeout: 25000 })
pool.on('error', () => {}) // a connection that broke while idle; the next request opens another

const app = fastify({ bodyLimit: limit, logger: { level: process.env.LOG_LEVEL ?? 'warn' } })
app.removeAllContentTypeParsers() // browsers' beacons are text/plain, whatever is in them
app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => done(null, body))
app.addHook('onRequest', async (request, reply) => { reply.header('access-control-allow-origin', '*') })
app.options('/v1/*', (request, reply) => reply.code(204).headers({
  'access-control-allow-methods': 'POST', 'access-control-max-age': '86400',
  'access-control-allow-headers': request.headers['access-control-request-headers'] ?? 'authorization, content-type'
}).send())

const refuse = (statusCode, message) => { throw Object.assign(new Error(message), { statusCode }) }
const unpack = promisify(gunzip)
for (const [path, type] of Object.entries(types)) {
  app.post(`/v1/${path}`, async (request, reply) => {
    let text = request.body ?? Buffer.alloc(0), body
    if (request.headers['content-encoding'] === 'gzip') {
      text = await unpack(text, { maxOutputLength: limit }).catch(({ code }) =>
        code === 'ERR_BUFFER_TOO_LARGE' ? refuse(413, 'the body is too large') : refuse(400, 'the body is no gzip'))
    }
    text = text.toString().replaceAll('\0', '\uFFFD') // what PostgreSQL's text cannot hold
    try { body = JSON.parse(text) } catch { /* rejected by the database, which keeps it */ }
    const [, login] = /^Basic +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
    const key = login ? Buffer.from(login, 'base64').toString().split(':')[0] : body?.writeKey
    if (typeof key !== 'string' || !key || key.includes('\0')) refuse(401, 'no write key')
    // the text goes on as it came, so that no digit of a number is lost
    if (type && body && !Array.isArray(body) && typeof body === 'object' && !body.type) {
      text = text.replace('{', `{"type":"${type}"${Object.keys(body).length ? ',' : ''}`)
    }
    await pool.query({ name: 'ingest', text: 'SELECT FROM cdp.ingest_with_key($1, $2)', values: [key, text] }).catch(error => {
      // the same code without the routine: PostgreSQL does not let the front itself in
      if (error.code === '28000' && error.routine === 'exec_stmt_raise') refuse(401, 'invalid write key')
      request.log.error(error)
      reply.header('retry-after', retryAfter)
      refuse(429, 'try again later') // clients give up soon on 5xx, and at once on most 4xx
    })
    return body === undefined ? refuse(400, 'the body is no JSON') : { success: true }
  })
}
app.setErrorHandler((error, request, reply) =>
  reply.code(error.statusCode ?? 500).send({ success: false, message: error.message }))

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close().then(() => pool.end()))
await app.listen({ host: process.env.HOST ?? '127.0.0.1', port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${app.server.address().port}`)
