import { marketReliabilityRows } from "./market-reliability-rows.ts";
import type { ReliabilityRow } from "./reliability-row.ts";

const inTest = (file: string): { readonly file: string } => ({ file });

export const reliabilityRows: Readonly<Record<string, readonly ReliabilityRow[]>> = {
  "When a provider fails": [
    {
      promise:
        "36 kinds of faults of a provider, in all dialects, streamed and not, same protocol, translated and with a second target: an answer that the dialect's SDK reads, at most 250 ms after a limit of time, the right row in the ledger, and no socket, timer or descriptor is left.",
      test: inTest("tests/faults/matrix.test.ts"),
    },
    {
      promise: "A provider that always answers 503 gets at most 1.2 requests for each of the clients', and ten.",
      test: { long: "failover" },
      figures: "{overloaded.attempts} attempts for {overloaded.requests} requests, at most {overloaded.limit}",
    },
    {
      promise: "Two gateways on one Redis admit together between 0.99 and 1.01 of what a limit allows.",
      test: { long: "limits-redis" },
      figures: "{shared.admitted} of {shared.requests} requests admitted in {shared.seconds} s, {shared.allowed} allowed",
    },
    {
      promise: "Redis that is killed and started again ten times costs no answer, and at most 1.1 of what the limit allows is admitted.",
      test: { long: "limits-redis" },
      figures: "{killed.admitted} admitted, {killed.allowed} allowed, {killed.server_errors} answers of 5xx",
    },
    {
      promise:
        "A provider that dies under 500 requests a second, with a second target: no client sees an error, the 99th percentile rises by less than 50 ms once its breaker is open, and it comes back by itself.",
      test: { long: "provider-dies" },
      figures: "{client_errors} errors in {requests} requests, {added_p99_ms} ms added, back after {back_after_ms} ms",
    },
    {
      promise:
        "While a target is silent a second one is asked (`hedge`), of any protocol: the first content answers, the other request is cancelled, and both are in the ledger.",
      test: inTest("tests/e2e/hedge.test.ts"),
    },
    {
      promise:
        "A budget, a limit or a model restriction is never bypassed by failing over, an alias, another dialect, a background, a cached or a hedged response.",
      test: inTest("tests/e2e/never-bypassed.test.ts"),
    },
    {
      promise: "The response cache over Redis: answers reach no other user, and without Redis each request goes to its provider at once.",
      test: inTest("tests/e2e/response-cache-redis.test.ts"),
    },
    {
      promise:
        "With three keys of a provider a conversation stays at one of them: at least 95 % as much is read from the provider's prompt cache as with one key.",
      test: inTest("tests/e2e/cache-affinity.test.ts"),
    },
    {
      promise:
        "A stream that breaks before its first content goes on with another provider, also of another protocol; the client sees nothing of the first.",
      test: inTest("tests/faults/before-content.test.ts"),
    },
    {
      promise: "A stream that breaks after its first content ends with an error in the stream; what was used is in the ledger.",
      test: inTest("tests/faults/upstream.test.ts"),
    },
    {
      promise: "A million random and broken HTTP answers are understood as llhttp understands them, or refused.",
      test: { long: "answer-fuzz" },
      figures: "{answers} answers: {whole} whole, {cut} cut short, {refused} refused",
    },
  ],
  "When the process or its machine fails": [
    {
      promise: "`kill -9` under load: no answered request is missing from the ledger, none is counted twice.",
      test: { long: "kill" },
      figures: "{killed.kills} kills at {killed.requests_per_second} requests a second",
    },
    {
      promise: "A database that is locked for 30 s under load costs no client anything.",
      test: { long: "kill" },
      figures: "{locked.answered} answered in {locked.locked_ms} ms",
    },
    {
      promise: "Crashes at any write and faults of disk and database: the ledger keeps its promise.",
      test: { long: "journal-simulation" },
      figures: "{seeds} seeds, {crashes} crashes, {answered} answers",
    },
    {
      promise: "A row says `ok` if, and only if, the client got the whole answer.",
      test: { long: "row-outcomes" },
      figures: "{rows_that_are_wrong} wrong rows in {requests} requests with {faults} faults",
    },
    {
      promise: "A full disk: metered requests get 503, nothing is lost, and it goes on when there is room.",
      test: { long: "full-disk" },
      figures: "{answered} answered, {refused} refused with 503",
    },
    {
      promise: "A process that is stopped for longer than its limits of time, as on a laptop that sleeps, and goes on: no request fails.",
      test: { long: "stopped-process" },
      figures: "{stops} stops of {stop_ms} ms, {answered} answered",
    },
    {
      promise: "Reloads, restarts and stops under load: no request fails, no row is missing.",
      test: { long: "lifecycle" },
      figures:
        "{restarts.answered} answered in 50 restarts, {restarts.unanswered} not; {reloads.answered} in 200 reloads, {reloads.unanswered} not",
    },
    {
      promise: "SIGTERM and a start under load: every request that was accepted is answered, no row is missing.",
      test: { long: "lifecycle" },
      figures: "{stops.answered} answered and {stops.rows} rows in {stops.rounds} stops",
    },
    {
      promise: "Half of the load for a while: heap, descriptors and the delay of the event loop do not grow.",
      test: { long: "soak" },
      figures:
        "{minutes} minutes, {answered} answered; a minute: {slopes_a_minute.heap_mib} MiB of heap, {slopes_a_minute.descriptors} descriptors, {slopes_a_minute.event_loop_delay_ms} ms",
    },
    {
      promise: "The package that is published installs in an empty folder and answers under Node 18 to 26.",
      test: { long: "npm-package" },
      figures: "{size_kib} KiB; the package of a platform {max:platform_mib.*} MiB at most",
    },
    {
      promise:
        "Configurations, commands, calls and programs in README and docs/ are right, and links lead somewhere; [tried.md](tried.md) has the day of each page.",
      test: { long: "docs" },
      figures: "{snippets} blocks of code on {pages} pages",
    },
    {
      promise: "The package embeds in Express, Fastify and Next.js, and its types are strict for Node's resolution and a bundler's.",
      test: { long: "embedding" },
      figures: "Express {versions.express}, Fastify {versions.fastify}, Next.js {versions.next}, TypeScript {versions.typescript}",
    },
    {
      promise: "The second start of the package and of the executable answers within 300 ms on a machine that does nothing else.",
      test: { long: "start-time" },
      figures:
        "best of 15: package {package.best_ms} ms, executable {executable.best_ms} ms, clone {clone.best_ms} ms, an empty program of Node {empty_program.best_ms} ms; processor time {package.cpu_ms}, {executable.cpu_ms} and {clone.cpu_ms} ms; at a load of {load_of_the_machine}",
    },
    {
      promise: "The same, without the time in which a start waited for a processor that others had.",
      test: { long: "start-time" },
      figures:
        "package {package.best_own_ms} ms, executable {executable.best_own_ms} ms, clone {clone.best_own_ms} ms, an empty program of Node {empty_program.best_own_ms} ms",
    },
    {
      promise:
        "Two builds of the executables are equal, macOS' are signed with all pointers as they were, the one for Linux x64 serves, restarts and stops, and the one for arm64 serves under qemu.",
      test: { long: "executables" },
      figures:
        "`version` takes {version_cpu_ms} ms of processor time; arm64 is ready after {arm64_under_qemu_ready_s} s under qemu; {max:size_mib.*} MiB at most",
    },
    {
      promise:
        "The wheel installs under Python 3.9 to 3.13, by pip and uv, and from its source distribution: library, commands, man pages, types, pytest fixture, and the set-up of a team, ended by Ctrl-C.",
      test: { long: "python" },
      figures: "{size_kib} KiB",
    },
    {
      promise: "The clock jumps an hour, forward or back: no duration is negative, limits and cooldowns hold.",
      test: inTest("tests/faults/clock-jumps.test.ts"),
    },
    {
      promise: "PostgreSQL frozen, stopped or killed under load: each request is served or refused at once, each row is there once.",
      test: { long: "postgres-away" },
      figures: "{frozen.served} served and {frozen.refused} refused while frozen, the slowest in {frozen.slowest_ms} ms",
    },
    {
      promise: "PostgreSQL restarted ten times under load: no client sees it.",
      test: { long: "postgres-restarts" },
      figures: "{answered} answered",
    },
    {
      promise: "Two gateways behind PgBouncer, in session and in transaction mode.",
      test: { long: "pgbouncer" },
      figures: "{answered.session} and {answered.transaction} answered, {restarts} restarts",
    },
  ],
  "When there is too much": [
    {
      promise:
        "Five times more requests than it can serve: at least 80 % of the capacity is used, refusals take less than 20 ms, memory is flat.",
      test: { long: "overload" },
      figures: "{five_times.served_share_of_capacity} of the capacity, refusals {five_times.refused_ms.p99} ms (99th percentile)",
    },
    {
      promise: "500 readers of 10 MB who stop reading take at most 150 MB.",
      test: { long: "overload" },
      figures: "{slow_readers.added_mib} MiB for {slow_readers.readers} readers",
    },
    {
      promise: "Reports and exports from a million entries on SQLite keep no request waiting.",
      test: { long: "reports" },
      figures:
        "the longest turn of the event loop {max:in_a_thread.*.longest_turn_ms} ms, without the thread {max:on_the_serving_thread.*.longest_turn_ms} ms",
    },
    {
      promise: "10,000 idle connections leave room for others.",
      test: { long: "idle-connections" },
      figures: "{connections} connections, {kib_each} KiB each",
    },
    {
      promise: "Slow clients are cut off after 15 s without progress, and others are served meanwhile.",
      test: { long: "slow-clients" },
      figures: "{own.connections} slow clients, {own.still_open} left; {own.failed} of {own.good_requests} good requests failed",
    },
    {
      promise: "The costliest body that is accepted keeps the event loop for at most 300 ms at a time, as far as the machine allows.",
      test: { long: "costliest-body" },
      figures: "{max:pairs.*.request.longest_ms} ms for a request, {max:pairs.*.answer.longest_ms} ms for an answer",
    },
    {
      promise: "Memory of a worker after a million requests and 10,000 streams: under 150 MiB, and flat.",
      test: { long: "memory" },
      figures:
        "{own.last_mib} MiB after {own.requests} requests, {own.streams_mib} MiB after {own.streams} streams; the heap grew by {own.heap_grown_mib} MiB in the second half",
    },
    {
      promise: "A request allocates no more memory than in the last version that was recorded.",
      test: { long: "garbage" },
      figures:
        "KiB: forwarding {kib.W2} ({kib_recorded.W2} then), translating {kib.W3} ({kib_recorded.W3}), a translated stream {kib.W5p} ({kib_recorded.W5p})",
    },
    {
      promise: "A session of 217 turns with 501 tool calls, between all dialects and protocols.",
      test: { long: "long-session" },
      figures: "{count:pairs} pairs",
    },
  ],
  "When somebody attacks": [
    {
      promise:
        "Every route refuses whom its row in the route table does not name, whichever way the key comes and however the path is spelt (over 400 paths, as eight kinds of callers).",
      test: inTest("tests/security/routes.test.ts"),
    },
    {
      promise:
        "185 requests and 39 answers that could be read in two ways are refused or have one meaning: no request is smuggled, no answer reaches another client.",
      test: inTest("tests/security/smuggling.test.ts"),
    },
    {
      promise:
        "A million changed bodies of all dialects and of the admin API, and 200,000 changed answers of providers: no crash, no status 500, no prototype changes.",
      test: { long: "fuzz-bodies" },
      figures: "{bodies} bodies, {answers} answers, {wrong} wrong",
    },
    {
      promise: "Secrets that are planted come out nowhere: logs, errors, metrics, database, journal, commands.",
      test: inTest("tests/faults/canaries.test.ts"),
    },
    {
      promise:
        "Only the configured addresses are connected to: the address that was checked, no redirect, no link-local or metadata address, whatever a name resolves to.",
      test: inTest("src/upstream/transport/client-egress.test.ts"),
    },
    {
      promise:
        "The firewall's detectors reach at least the precision and recall that the run names, on texts of another hand (Faker), ten times as many of them without an entity.",
      test: { long: "firewall-corpus" },
      figures: "{texts} texts, {texts_without} of them without",
    },
    {
      promise:
        "Each such text, cut at every character, and streams of all dialects, cut at every byte, pass the firewall as the whole does.",
      test: { long: "firewall-corpus" },
      figures: "{cuts} cuts of texts, {stream_cuts} of streams",
    },
    {
      promise:
        "No pattern of the firewall is slow, by recheck; a megabyte that is made to be slow takes a detector at most 100 ms on a busy machine.",
      test: { long: "firewall-patterns" },
      figures:
        "{patterns} patterns, {slow} slow; the slowest megabyte took a detector {slowest.detector_ms} ms, and nine rules {slowest.all_ms} ms",
    },
  ],
  "What is charged": [
    {
      promise:
        "Single sign-on with a real OpenID provider, on SQLite and PostgreSQL: people get the role of their group, an answer counts once, and keys and sessions end when the provider does not know the person any more, or without a group that has a role; its message ends a session, and machines without a browser sign in.",
      test: { long: "sso" },
      figures:
        "{sign_ins} sign-ins, {refused} refused, {checks} checks, {signed_out} signed out there, {devices} machines without a browser, the longest sign-in {longest_sign_in_ms} ms",
    },
    {
      promise: "Keys, budgets and configurations of LiteLLM are taken over, and what is not is named.",
      test: { long: "import-litellm" },
      figures: "{configurations} example configurations; {keys} keys in a database of {migrations} migrations",
    },
    {
      promise: "Each request has its row, its tokens and its price, whatever goes wrong.",
      test: { long: "ledger-run" },
      figures: "{rows} rows for {requests} requests",
    },
    {
      promise: "Budgets of many processes add up, and none is exceeded.",
      test: { long: "budget-transfers" },
      figures: "{sqlite.transfers} transfers on SQLite",
    },
  ],
  "What operators see": [
    {
      promise:
        "A model that gets 30 % slower, 20 % shorter, 5 points worse at tools, or is swapped, is found within the hours of docs/degradation.md, and less than one of 1,000 windows of noise is a false alarm.",
      test: { long: "degradation" },
      figures:
        "second half: {reported.found} of {reported.histories} found, the longest after {reported.longest_hours} h; {reported.false_alarms} false alarms in {reported.noise_windows} windows",
    },
    {
      promise:
        "A model that is swapped for another one of its family, that gets weaker, or whose likely answers get likelier, is found by its answers to canaries within the hours of docs/degradation.md, and less than one of 1,000 looks at noise is a false alarm.",
      test: { long: "degradation" },
      figures:
        "second half: {canaries.reported.found} of {canaries.reported.histories} found, the longest after {canaries.reported.longest_hours} h; {canaries.reported.false_alarms} false alarms in {canaries.reported.noise_windows} looks",
    },
    {
      promise:
        "Each of 10,000 random changes of an audit trail, and of 10,000 of the text of an export, is found; an export is verified at 200,000 entries in a second of processor time at least.",
      test: { long: "audit" },
      figures:
        "{found} of {changes} changes of a trail and {found_in_export} of {export_changes} of an export; {entries_per_second_of_cpu} entries a second of {verified_entries}",
    },
    {
      promise: "Linters and schemas accept the Dockerfile, the compose file and the Helm chart.",
      test: { long: "containers" },
      figures: "{manifests} manifests",
    },
    { promise: "zsh and fish complete commands, options, values and names.", test: { long: "shells" } },
    {
      promise: "The assistant in a terminal: streaming, history, pasted text, Ctrl-C, all commands, also after a hundred questions.",
      test: { long: "chat" },
      figures:
        "{last_turns_ms} ms for a question at the end of {turns}, {first_turns_ms} ms at their beginning, a key is echoed in {echo_ms} ms",
    },
    { promise: "Prometheus accepts the alert rules.", test: { long: "alert-rules" }, figures: "{rules} rules" },
  ],
  "When gateways trade": marketReliabilityRows,
};
