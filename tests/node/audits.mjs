// Runs every audit of graphql-http against a server, as one signed-in admin, and prints the results.
//   node audits.mjs URL SESSION

import { serverAudits } from 'graphql-http'

const [url, session] = process.argv.slice(2)

function fetchSignedIn(address, options = {}) {
  return fetch(address, {
    ...options,
    headers: { ...options.headers, authorization: `Bearer ${session}` },
  })
}

const results = []
for (const audit of serverAudits({ url, fetchFn: fetchSignedIn })) {
  const { status, reason } = await audit.fn()
  results.push({ id: audit.id, name: audit.name, status, reason })
}
console.log(JSON.stringify(results))
