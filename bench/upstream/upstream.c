/*
 * The bench's stand-in for a model provider: one process, one thread, epoll, canned answers.
 *
 *   POST /v1/chat/completions   OpenAI Chat: about 600 bytes of JSON, or with "stream": true a stream of 30 chunks
 *                               5 ms apart, a finish chunk, a usage chunk if the body says include_usage, [DONE]
 *   POST /v1/messages           Anthropic Messages, the same two shapes
 *   GET  /health                200
 *   GET  /count                 how many of the two POSTs came up to now, as a decimal number
 *
 * Usage: upstream PORT     (0 picks a free one; "PORT n" on standard output once it listens)
 *
 * Keep-alive, content-length and chunked bodies, pipelined requests one after the other. It does not parse JSON: it looks
 * for the two keys as text, which is sound because a quote inside a JSON string is always escaped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNKS = 30, CHUNK_GAP_NS = 5 * 1000 * 1000, MAX_REQUEST = 16 << 20, FIRST_BUFFER = 16 << 10, EVENTS = 256 };

typedef struct { char *bytes; size_t length; } Text;

/* What one dialect answers. The first step carries the response head, the last ends the body. */
typedef struct { Text json; Text steps[CHUNKS + 1]; Text last_with_usage; } Dialect;

typedef struct Connection {
    int fd;
    char *in; size_t in_length, in_capacity;
    char *out; size_t out_length;                 /* what the socket would not take at once */
    size_t head_length, body_length;              /* head_length 0: the head is not complete yet */
    size_t chunk_read;                            /* chunked body: how far the raw bytes are decoded */
    bool chunked, close_after, closing;
    const Dialect *stream; int step; bool with_usage; int64_t due_ns;
    struct Connection *previous, *next;           /* the queue of streams, soonest first */
} Connection;

static Dialect openai, anthropic;
static Connection *queue_head, *queue_tail;
static int epoll_fd;
static unsigned long asked;

static const char JSON_HEAD[] = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n";
static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
static const char NOT_FOUND[] = "HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
static const char HEALTHY[] = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n";
static const char BAD_REQUEST[] =
    "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

static void die(const char *what) { perror(what); exit(1); }

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---------------------------------------------------------------- the answers, built once */

static Text copy(const char *bytes, size_t length) {
    Text text = { malloc(length + 1), length };
    if (!text.bytes) die("malloc");
    memcpy(text.bytes, bytes, length);
    text.bytes[length] = 0;
    return text;
}

static Text json_answer(const char *body) {
    char answer[4096];
    int n = snprintf(answer, sizeof answer, JSON_HEAD, strlen(body));
    n += snprintf(answer + n, sizeof answer - n, "%s", body);
    return copy(answer, n);
}

/* One write of a stream: `prefix` as it is, `events` as one HTTP chunk, `suffix` as it is. */
static Text stream_step(const char *prefix, const char *events, const char *suffix) {
    char step[8192];
    int n = snprintf(step, sizeof step, "%s%zx\r\n%s\r\n%s", prefix, strlen(events), events, suffix);
    return copy(step, n);
}

#define CHAT_CHUNK(delta, reason, rest)                                                                                   \
    "data: {\"id\":\"chatcmpl-bench000000000000000001\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,"    \
    "\"model\":\"bench-model\",\"system_fingerprint\":\"fp_bench\",\"choices\":[{\"index\":0,\"delta\":" delta            \
    ",\"logprobs\":null,\"finish_reason\":" reason "}]" rest "}\n\n"

static void build_openai(void) {
    openai.json = json_answer(
        "{\"id\":\"chatcmpl-bench000000000000000001\",\"object\":\"chat.completion\",\"created\":1764000000,"
        "\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
        "\"The quick brown fox jumps over the lazy dog, and then it does so again, until the bench has seen enough.\","
        "\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":24,\"completion_tokens\":23,\"total_tokens\":47,"
        "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0}},"
        "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\"}");
    for (int i = 0; i < CHUNKS; i++) {
        char event[1024];
        if (i == 0) snprintf(event, sizeof event, CHAT_CHUNK("{\"role\":\"assistant\",\"content\":\"word00\"}", "null", ""));
        else snprintf(event, sizeof event, CHAT_CHUNK("{\"content\":\" word%02d\"}", "null", ""), i);
        openai.steps[i] = stream_step(i == 0 ? STREAM_HEAD : "", event, "");
    }
    openai.steps[CHUNKS] = stream_step("", CHAT_CHUNK("{}", "\"stop\"", "") "data: [DONE]\n\n", "0\r\n\r\n");
    openai.last_with_usage = stream_step("",
        CHAT_CHUNK("{}", "\"stop\"", "")
        "data: {\"id\":\"chatcmpl-bench000000000000000001\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,"
        "\"model\":\"bench-model\",\"system_fingerprint\":\"fp_bench\",\"choices\":[],"
        "\"usage\":{\"prompt_tokens\":24,\"completion_tokens\":30,\"total_tokens\":54}}\n\n"
        "data: [DONE]\n\n",
        "0\r\n\r\n");
}

static void build_anthropic(void) {
    anthropic.json = json_answer(
        "{\"id\":\"msg_bench00000000000000000001\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"bench-claude\","
        "\"content\":[{\"type\":\"text\",\"text\":"
        "\"The quick brown fox jumps over the lazy dog, and then it does so again, until the bench has seen enough. "
        "What it says does not matter; that it is about as long as the other dialect's answer does, give or take a word.\"}],"
        "\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
        "\"usage\":{\"input_tokens\":24,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
        "\"output_tokens\":46,\"service_tier\":\"standard\"}}");
    for (int i = 0; i < CHUNKS; i++) {
        char events[2048];
        int n = 0;
        if (i == 0)
            n = snprintf(events, sizeof events,
                "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_bench00000000000000000001\","
                "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"bench-claude\",\"content\":[],\"stop_reason\":null,"
                "\"stop_sequence\":null,\"usage\":{\"input_tokens\":24,\"output_tokens\":1}}}\n\n"
                "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
                "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
                "event: ping\ndata: {\"type\":\"ping\"}\n\n");
        snprintf(events + n, sizeof events - n,
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
            "\"delta\":{\"type\":\"text_delta\",\"text\":\" word%02d\"}}\n\n", i);
        anthropic.steps[i] = stream_step(i == 0 ? STREAM_HEAD : "", events, "");
    }
    anthropic.steps[CHUNKS] = anthropic.last_with_usage = stream_step("",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
        "\"usage\":{\"output_tokens\":30}}\n\n"
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        "0\r\n\r\n");
}

/* ---------------------------------------------------------------- connections */

static void dequeue(Connection *c) {
    if (c->previous) c->previous->next = c->next; else queue_head = c->next;
    if (c->next) c->next->previous = c->previous; else queue_tail = c->previous;
    c->previous = c->next = NULL;
}

/* The gap is the same for all, so whoever is queued last is due last and the queue stays in order. */
static void enqueue(Connection *c) {
    c->previous = queue_tail;
    c->next = NULL;
    if (queue_tail) queue_tail->next = c; else queue_head = c;
    queue_tail = c;
}

static void drop(Connection *c) {
    if (c->stream) dequeue(c);
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

static void watch(Connection *c, uint32_t events) {
    struct epoll_event event = { .events = events, .data.ptr = c };
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0) die("epoll_ctl");
}

/* Writes, and keeps what the socket does not take. False: the connection is gone. */
static bool put(Connection *c, const char *bytes, size_t length) {
    if (c->out_length == 0) {
        ssize_t n = send(c->fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR) return false;
            n = 0;
        }
        if ((size_t)n == length) return true;
        bytes += n;
        length -= n;
        watch(c, EPOLLIN | EPOLLOUT);
    }
    c->out = realloc(c->out, c->out_length + length);
    if (!c->out) die("realloc");
    memcpy(c->out + c->out_length, bytes, length);
    c->out_length += length;
    return true;
}

static bool flush(Connection *c) {
    ssize_t n = send(c->fd, c->out, c->out_length, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    c->out_length -= n;
    memmove(c->out, c->out + n, c->out_length);
    if (c->out_length == 0) watch(c, EPOLLIN);
    return !(c->out_length == 0 && c->closing);
}

/* False: the connection is to be closed, its answer is out. */
static bool answered(Connection *c) {
    if (!c->close_after) return true;
    c->closing = true;
    return c->out_length > 0;
}

/* Writes the next part of a stream and queues the one after it. False: close. */
static bool advance(Connection *c) {
    const Dialect *dialect = c->stream;
    const Text *text = c->step == CHUNKS && c->with_usage ? &dialect->last_with_usage : &dialect->steps[c->step];
    bool alive = put(c, text->bytes, text->length);
    if (c->step++ < CHUNKS) {
        c->due_ns += CHUNK_GAP_NS;
        enqueue(c);
        return alive;
    }
    c->stream = NULL;
    return alive && answered(c);
}

/* ---------------------------------------------------------------- requests */

static bool has_header_value(const char *line, size_t length, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= length; i++) if (strncasecmp(line + i, word, n) == 0) return true;
    return false;
}

static void read_head(Connection *c, const char *end) {
    c->head_length = end + 4 - c->in;
    c->body_length = 0;
    c->chunked = c->close_after = false;
    c->chunk_read = c->head_length;
    const char *line = memchr(c->in, '\n', c->head_length);
    while (line && ++line < end) {
        const char *stop = memchr(line, '\r', end + 1 - line);
        size_t length = (stop ? stop : end) - line;
        if (length > 15 && strncasecmp(line, "content-length:", 15) == 0) c->body_length = strtoul(line + 15, NULL, 10);
        else if (length > 18 && strncasecmp(line, "transfer-encoding:", 18) == 0) c->chunked = has_header_value(line + 18, length - 18, "chunked");
        else if (length > 11 && strncasecmp(line, "connection:", 11) == 0) c->close_after = has_header_value(line + 11, length - 11, "close");
        line = stop ? memchr(stop, '\n', end + 2 - stop) : NULL;
    }
}

/* Moves the chunked body's data together right behind the head. 1: complete, 0: more to come, -1: not HTTP. */
static int decode_chunks(Connection *c) {
    for (;;) {
        char *raw = c->in + c->chunk_read;
        size_t left = c->in_length - c->chunk_read;
        char *eol = memchr(raw, '\n', left);
        if (!eol) return left > 64 ? -1 : 0;
        char *after;
        size_t size = strtoul(raw, &after, 16);
        if (after == raw || size > MAX_REQUEST) return -1;
        size_t line = eol + 1 - raw;
        if (left < line + size + 2) return 0; /* the last chunk too is followed by an empty line; trailers are not expected */
        memmove(c->in + c->head_length + c->body_length, raw + line, size);
        c->body_length += size;
        c->chunk_read += line + size + 2;
        if (size == 0) return 1;
    }
}

/*
 * Whether the body sets `key` to true: "key", optional blanks, a colon, optional blanks, true. It goes from quote to quote:
 * the C library's memchr takes 32 bytes a step and text has few quotes; memmem took most of the time of a long body.
 */
static bool is_true(const char *body, size_t length, const char *key) {
    size_t n = strlen(key);
    const char *end = body + length, *at = body;
    while ((at = memchr(at, '"', end - at))) {
        at++;
        if ((size_t)(end - at) < n + 1 || memcmp(at, key, n) != 0 || at[n] != '"') continue;
        const char *after = at + n + 1, *value = after;
        while (value < end && (*value == ' ' || *value == ':')) value++;
        if (value > after && end - value >= 4 && memcmp(value, "true", 4) == 0) return true;
    }
    return false;
}

static bool starts(const Connection *c, const char *text) {
    size_t n = strlen(text);
    return c->head_length > n && memcmp(c->in, text, n) == 0;
}

static bool answer_count(Connection *c) {
    char number[24], text[128];
    int digits = snprintf(number, sizeof number, "%lu", asked);
    int n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%s", digits, number);
    return put(c, text, n) && answered(c);
}

/* Answers one whole request. False: close. */
static bool answer(Connection *c) {
    const Dialect *dialect = starts(c, "POST /v1/chat/completions ") ? &openai
        : starts(c, "POST /v1/messages ") || starts(c, "POST /v1/messages?") ? &anthropic : NULL;
    if (starts(c, "GET /count ")) return answer_count(c);
    if (!dialect) {
        bool healthy = starts(c, "GET /health ");
        return put(c, healthy ? HEALTHY : NOT_FOUND, (healthy ? sizeof HEALTHY : sizeof NOT_FOUND) - 1) && answered(c);
    }
    asked++;
    const char *body = c->in + c->head_length;
    if (!is_true(body, c->body_length, "stream")) return put(c, dialect->json.bytes, dialect->json.length) && answered(c);
    c->stream = dialect;
    c->step = 0;
    c->with_usage = is_true(body, c->body_length, "include_usage");
    c->due_ns = now_ns();
    return advance(c);
}

/* Answers every whole request in the buffer, one at a time. False: close. */
static bool handle_input(Connection *c) {
    while (c->in_length > 0 && !c->stream && !c->closing) {
        if (c->head_length == 0) {
            const char *end = memmem(c->in, c->in_length, "\r\n\r\n", 4);
            if (!end) return c->in_length < FIRST_BUFFER;
            read_head(c, end);
        }
        size_t used;
        if (c->chunked) {
            int complete = decode_chunks(c);
            if (complete < 0) { put(c, BAD_REQUEST, sizeof BAD_REQUEST - 1); return false; }
            if (complete == 0) return true;
            used = c->chunk_read;
        } else {
            used = c->head_length + c->body_length;
            if (used > MAX_REQUEST) { put(c, BAD_REQUEST, sizeof BAD_REQUEST - 1); return false; }
            if (c->in_length < used) return true;
        }
        if (!answer(c)) return false;
        c->head_length = 0;
        c->in_length -= used;
        if (c->in_length > 0) memmove(c->in, c->in + used, c->in_length);
    }
    return true;
}

/* Room for the rest of a body whose length is known, so that a large one is read in few calls. */
static bool reserve(Connection *c) {
    size_t wanted = c->head_length && !c->chunked ? c->head_length + c->body_length : 0;
    if (wanted <= c->in_capacity && c->in_length < c->in_capacity) return true;
    size_t capacity = c->in_capacity ? c->in_capacity : FIRST_BUFFER;
    while (capacity < wanted || capacity <= c->in_length) capacity *= 2;
    if (capacity > 2 * (size_t)MAX_REQUEST) return false;
    c->in = realloc(c->in, capacity);
    if (!c->in) die("realloc");
    c->in_capacity = capacity;
    return true;
}

/* False: close. */
static bool readable(Connection *c) {
    if (!reserve(c)) return false;
    ssize_t n = recv(c->fd, c->in + c->in_length, c->in_capacity - c->in_length, 0);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    c->in_length += n;
    return handle_input(c);
}

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
            die("accept");
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Connection *c = calloc(1, sizeof *c);
        if (!c) die("calloc");
        c->fd = fd;
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
    }
}

static int open_listener(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, length) < 0) die("bind");
    if (listen(fd, 1024) < 0) die("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) die("getsockname");
    printf("PORT %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* Sends every part that is due; what is left tells how long to wait. */
static void advance_streams(void) {
    int64_t now = now_ns();
    while (queue_head && queue_head->due_ns <= now) {
        Connection *c = queue_head;
        dequeue(c);
        if (!advance(c) || (!c->stream && !handle_input(c))) drop(c);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: upstream PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    build_openai();
    build_anthropic();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) die("epoll_create1");
    int listener = open_listener(atoi(argv[1]));
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll_ctl");
    for (;;) {
        struct epoll_event events[EVENTS];
        struct timespec wait, *timeout = NULL;
        if (queue_head) {
            int64_t left = queue_head->due_ns - now_ns();
            if (left < 0) left = 0;
            wait = (struct timespec){ .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
            timeout = &wait;
        }
        int count = epoll_pwait2(epoll_fd, events, EVENTS, timeout, NULL);
        if (count < 0 && errno != EINTR) die("epoll_pwait2");
        for (int i = 0; i < count; i++) {
            Connection *c = events[i].data.ptr;
            if (!c) { accept_all(listener); continue; }
            bool alive = true;
            if (events[i].events & EPOLLOUT) alive = flush(c);
            if (alive && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) alive = readable(c);
            if (!alive) drop(c);
        }
        if (queue_head) advance_streams();
    }
}
