#include "http/h1.h"

#include "http/check.h"

static struct arena arena;
static const struct h1_limits usual = {.line_bytes = 8192, .head_bytes = 32768, .field_count = 100};

#define H     "Host: a\r\n"
#define GET   "GET / HTTP/1.1\r\n"
#define POST  "POST / HTTP/1.1\r\n" H
#define CRLF8 "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"

/* Only the result: what `out` points to is gone. */
static enum h1_result parse(struct slice head, const struct h1_limits *limits,
                            struct request_head *out, struct h1_error *err)
{
    struct arena mine;
    struct slice copy = copy_of(head);
    arena_init(&mine, NULL);
    enum h1_result result = h1_parse_request(copy, limits, &mine, out, err);
    arena_fini(&mine);
    copy_free(copy);
    return result;
}

/* -- what is refused, and as what -- */

static const struct {
    const char *name;
    struct slice head;
    enum h1_result want;
} refused[] = {
    /* the start line (RFC 9112 section 3) */
    {"9112 3: no version (HTTP/0.9)", SLICE_INIT("GET /\r\n" H "\r\n"), H1_BAD},
    {"9112 3: empty version", SLICE_INIT("GET / \r\n" H "\r\n"), H1_BAD},
    {"9112 2.3: HTTP/0.9", SLICE_INIT("GET / HTTP/0.9\r\n" H "\r\n"), H1_BAD_VERSION},
    {"9112 2.3: HTTP/2.0", SLICE_INIT("GET / HTTP/2.0\r\n" H "\r\n"), H1_BAD_VERSION},
    {"9112 2.3: HTTP/1.2", SLICE_INIT("GET / HTTP/1.2\r\n" H "\r\n"), H1_BAD_VERSION},
    {"HTTP/2 preface", SLICE_INIT("PRI * HTTP/2.0\r\n\r\n"), H1_BAD_VERSION},
    {"9112 2.3: HTTP/1.10", SLICE_INIT("GET / HTTP/1.10\r\n" H "\r\n"), H1_BAD},
    {"9112 2.3: HTTP/01.1", SLICE_INIT("GET / HTTP/01.1\r\n" H "\r\n"), H1_BAD},
    {"9112 2.3: HTTP/1", SLICE_INIT("GET / HTTP/1\r\n" H "\r\n"), H1_BAD},
    {"9112 2.3: HTTP/x.y", SLICE_INIT("GET / HTTP/x.y\r\n" H "\r\n"), H1_BAD},
    {"9112 2.3: lower case", SLICE_INIT("GET / http/1.1\r\n" H "\r\n"), H1_BAD},
    {"RTSP", SLICE_INIT("GET / RTSP/1.0\r\n" H "\r\n"), H1_BAD},
    {"ICE", SLICE_INIT("SOURCE / ICE/1.0\r\n" H "\r\n"), H1_BAD},
    {"two spaces before the target", SLICE_INIT("GET  / HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"two spaces before the version", SLICE_INIT("GET /  HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"space behind the version", SLICE_INIT("GET / HTTP/1.1 \r\n" H "\r\n"), H1_BAD},
    {"space in the target", SLICE_INIT("GET /a b HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"space before the method", SLICE_INIT(" GET / HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"TAB as separator", SLICE_INIT("GET\t/ HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"no method", SLICE_INIT("/ HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"method is no token", SLICE_INIT("GE(T / HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"method with a colon", SLICE_INIT("GET: / HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"method with NUL", SLICE_INIT("G\0T / HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"no target", SLICE_INIT("GET HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"17 empty lines in front (limit 16)", SLICE_INIT(CRLF8 CRLF8 "\r\n" GET H "\r\n"), H1_BAD},
    {"CONNECT", SLICE_INIT("CONNECT a:443 HTTP/1.1\r\n" H "\r\n"), H1_METHOD_REFUSED},
    {"TRACE", SLICE_INIT("TRACE / HTTP/1.1\r\n" H "\r\n"), H1_METHOD_REFUSED},
    /* the target */
    {"# in the target", SLICE_INIT("GET /#a HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"8-bit in the target", SLICE_INIT("GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"TAB in the target", SLICE_INIT("GET /a\tb HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"FF in the target", SLICE_INIT("GET /a\fb HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"NUL in the target", SLICE_INIT("GET /a\0b HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"DEL in the target", SLICE_INIT("GET /\x7f HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"encoded NUL", SLICE_INIT("GET /%00 HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"above the root", SLICE_INIT("GET /%2e./x HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"no path", SLICE_INIT("GET a HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"authority form", SLICE_INIT("GET a:80 HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"* without OPTIONS", SLICE_INIT("GET * HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"*a", SLICE_INIT("OPTIONS *a HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"absolute form of another scheme", SLICE_INIT("GET ftp://a/ HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"absolute form, userinfo", SLICE_INIT("GET http://u@a/ HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"absolute form, userinfo and password", SLICE_INIT("GET http://a:80@b/ HTTP/1.1\r\n" H "\r\n"),
     H1_BAD},
    {"absolute form, no host", SLICE_INIT("GET http:///a HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"absolute form, one slash", SLICE_INIT("GET http:/a HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"absolute form, fragment", SLICE_INIT("GET http://a#b HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"absolute form, backslash", SLICE_INIT("GET http://a\\@b/ HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    {"absolute form, bad port", SLICE_INIT("GET http://a:99999/ HTTP/1.1\r\n" H "\r\n"), H1_BAD},
    /* lines */
    {"CVE-2025-23167: head ended by CRLF CR X", SLICE_INIT(GET H "\r\n\rX"), H1_BAD},
    {"CVE-2025-23167: CR X in the place of the empty line", SLICE_INIT(GET H "\rX\r\n\r\n"),
     H1_BAD},
    {"CVE-2023-30589: bare CR as line end",
     SLICE_INIT(GET H "X: a\rTransfer-Encoding: chunked\r\n\r\n"), H1_BAD},
    {"CVE-2023-30589: bare CR after an empty value",
     SLICE_INIT(GET H "X:\rxTransfer-Encoding: chunked\r\n\r\n"), H1_BAD},
    {"bare CR in the request line", SLICE_INIT("GET / HTTP/1.1\rX\r\n" H "\r\n"), H1_BAD},
    {"CR CR LF", SLICE_INIT(GET H "X: a\r\r\n\r\n"), H1_BAD},
    {"bare LF after the request line", SLICE_INIT("GET / HTTP/1.1\n" H "\r\n"), H1_BAD},
    {"bare LF after a field", SLICE_INIT(GET "Host: a\nX: b\r\n\r\n"), H1_BAD},
    {"bare LF as the empty line", SLICE_INIT(GET H "\n"), H1_BAD},
    {"bare LFs only", SLICE_INIT("GET / HTTP/1.1\nHost: a\n\n"), H1_BAD},
    {"bare LF in front", SLICE_INIT("\n" GET H "\r\n"), H1_BAD},
    {"obs-fold", SLICE_INIT(GET H "X: a\r\n b\r\n\r\n"), H1_BAD},
    {"obs-fold with TAB", SLICE_INIT(GET H "X: a\r\n\tb\r\n\r\n"), H1_BAD},
    {"CVE-2024-27982: fold into Host", SLICE_INIT(GET "Host: a\r\n : x\r\n\r\n"), H1_BAD},
    {"fold of an empty line", SLICE_INIT(GET H "X: a\r\n \r\n\r\n"), H1_BAD},
    {"folded Content-Length", SLICE_INIT(POST "Content-Length:\r\n 5\r\n\r\n"), H1_BAD},
    {"folded Transfer-Encoding", SLICE_INIT(POST "Transfer-Encoding:\r\n chunked\r\n\r\n"), H1_BAD},
    {"white space before the first field (9112 2.2)", SLICE_INIT(GET " Host: a\r\n\r\n"), H1_BAD},
    {"bytes behind the head", SLICE_INIT(GET H "\r\nX"), H1_BAD},
    /* names and values (RFC 9112 section 5, RFC 9110 section 5.5) */
    {"empty field name", SLICE_INIT(GET H ": x\r\n\r\n"), H1_BAD},
    {"space before the colon", SLICE_INIT(GET H "X : a\r\n\r\n"), H1_BAD},
    {"TAB before the colon", SLICE_INIT(GET H "X\t: a\r\n\r\n"), H1_BAD},
    {"space before the colon of Host", SLICE_INIT(GET "Host : a\r\n\r\n"), H1_BAD},
    {"space before the colon of Transfer-Encoding",
     SLICE_INIT(POST "Transfer-Encoding : chunked\r\n\r\n"), H1_BAD},
    {"space inside a name", SLICE_INIT(GET H "X Y: a\r\n\r\n"), H1_BAD},
    {"no colon", SLICE_INIT(GET H "X\r\n\r\n"), H1_BAD},
    {"name is no token: [", SLICE_INIT(GET H "X[: a\r\n\r\n"), H1_BAD},
    {"name is no token: (", SLICE_INIT(GET H "(X): a\r\n\r\n"), H1_BAD},
    {"name is no token: 8-bit", SLICE_INIT(GET H "X\xe9: a\r\n\r\n"), H1_BAD},
    {"name is no token: DEL", SLICE_INIT(GET H "X\x7f: a\r\n\r\n"), H1_BAD},
    {"NUL in a name", SLICE_INIT(GET H "X\0Y: a\r\n\r\n"), H1_BAD},
    {"NUL in a value", SLICE_INIT(GET H "X: a\0b\r\n\r\n"), H1_BAD},
    {"control byte in a value", SLICE_INIT(GET H "X: a\x01\r\n\r\n"), H1_BAD},
    {"DEL in a value", SLICE_INIT(GET H "X: a\x7f\r\n\r\n"), H1_BAD},
    {"VT around a value", SLICE_INIT(POST "Transfer-Encoding: \vchunked\r\n\r\n"), H1_BAD},
    {"control byte in Connection", SLICE_INIT(GET H "Connection: close\x02\r\n\r\n"), H1_BAD},
    {"control byte in Upgrade", SLICE_INIT(GET H "Upgrade: a\x02\r\n\r\n"), H1_BAD},
    /* Host (RFC 9112 section 3.2) */
    {"9112 3.2: no Host", SLICE_INIT(GET "\r\n"), H1_BAD},
    {"9112 3.2: no Host, absolute form", SLICE_INIT("GET http://a/ HTTP/1.1\r\n\r\n"), H1_BAD},
    {"9112 3.2: two Hosts", SLICE_INIT(GET H "Host: b\r\n\r\n"), H1_BAD},
    {"9112 3.2: two equal Hosts", SLICE_INIT(GET H H "\r\n"), H1_BAD},
    {"9112 3.2: two Hosts in 1.0", SLICE_INIT("GET / HTTP/1.0\r\n" H "hOST: b\r\n\r\n"), H1_BAD},
    {"9112 3.2: empty Host", SLICE_INIT(GET "Host:\r\n\r\n"), H1_BAD},
    {"9112 3.2: Host list", SLICE_INIT(GET "Host: a, b\r\n\r\n"), H1_BAD},
    {"9112 3.2: Host with a space", SLICE_INIT(GET "Host: a b\r\n\r\n"), H1_BAD},
    {"9112 3.2: Host with a path", SLICE_INIT(GET "Host: a/b\r\n\r\n"), H1_BAD},
    {"9112 3.2: Host with userinfo", SLICE_INIT(GET "Host: u@a\r\n\r\n"), H1_BAD},
    {"9112 3.2: Host with a bad port", SLICE_INIT(GET "Host: a:b\r\n\r\n"), H1_BAD},
    {"9112 3.2: bad Host beside an absolute form",
     SLICE_INIT("GET http://a/ HTTP/1.1\r\nHost: @\r\n\r\n"), H1_BAD},
    {"9112 3.2: two Hosts, one by underscore", SLICE_INIT(GET "Host_: a\r\n\r\n"), H1_BAD},
    /* repeated fields */
    {"two Authorization", SLICE_INIT(GET H "Authorization: a\r\nAuthorization: a\r\n\r\n"), H1_BAD},
    {"two Range", SLICE_INIT(GET H "Range: bytes=0-1\r\nrange: bytes=2-3\r\n\r\n"), H1_BAD},
    {"two If-Match", SLICE_INIT(GET H "If-Match: \"a\"\r\nIf-Match: \"b\"\r\n\r\n"), H1_BAD},
    {"two If-None-Match", SLICE_INIT(GET H "If-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n\r\n"),
     H1_BAD},
    {"two If-Modified-Since",
     SLICE_INIT(GET H "If-Modified-Since: a\r\nIf-Modified-Since: a\r\n\r\n"), H1_BAD},
    {"two If-Unmodified-Since",
     SLICE_INIT(GET H "If-Unmodified-Since: a\r\nIf-Unmodified-Since: a\r\n\r\n"), H1_BAD},
    {"two If-Range", SLICE_INIT(GET H "If-Range: a\r\nIf-Range: a\r\n\r\n"), H1_BAD},
    {"two Expect", SLICE_INIT(POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"), H1_BAD},
    /* framing (RFC 9112 section 6) */
    {"9112 6.1: TE and CL",
     SLICE_INIT(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), H1_BAD},
    {"9112 6.1: CL and TE",
     SLICE_INIT(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), H1_BAD},
    {"9112 6.1: unknown TE and CL",
     SLICE_INIT(POST "Content-Length: 5\r\nTransfer-Encoding: foo\r\n\r\n"), H1_BAD},
    {"9112 6.1: TE in 1.0",
     SLICE_INIT("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), H1_BAD},
    {"9112 6.1: unknown TE in 1.0", SLICE_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: foo\r\n\r\n"),
     H1_BAD},
    {"empty TE", SLICE_INIT(POST "Transfer-Encoding:\r\n\r\n"), H1_BAD},
    {"TE ,chunked", SLICE_INIT(POST "Transfer-Encoding: ,chunked\r\n\r\n"), H1_BAD},
    {"TE chunked,", SLICE_INIT(POST "Transfer-Encoding: chunked,\r\n\r\n"), H1_BAD},
    {"TE ,", SLICE_INIT(POST "Transfer-Encoding: ,\r\n\r\n"), H1_BAD},
    {"TE chunked, chunked", SLICE_INIT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"), H1_BAD},
    {"TE chunked twice",
     SLICE_INIT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), H1_BAD},
    {"TE foo, then chunked",
     SLICE_INIT(POST "Transfer-Encoding: foo\r\nTransfer-Encoding: chunked\r\n\r\n"), H1_BAD},
    {"9112 6.3: chunked not last", SLICE_INIT(POST "Transfer-Encoding: chunked, gzip\r\n\r\n"),
     H1_BAD},
    {"TE quoted", SLICE_INIT(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"), H1_BAD},
    {"TE with a parameter", SLICE_INIT(POST "Transfer-Encoding: chunked;a=b\r\n\r\n"), H1_BAD},
    {"TE with a space inside", SLICE_INIT(POST "Transfer-Encoding: chun ked\r\n\r\n"), H1_BAD},
    {"9112 6.1: gzip, chunked", SLICE_INIT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
     H1_UNKNOWN_CODING},
    {"9112 6.1: gzip", SLICE_INIT(POST "Transfer-Encoding: gzip\r\n\r\n"), H1_UNKNOWN_CODING},
    {"9112 6.1: xchunked", SLICE_INIT(POST "Transfer-Encoding: xchunked\r\n\r\n"),
     H1_UNKNOWN_CODING},
    {"9112 6.1: identity", SLICE_INIT(POST "Transfer-Encoding: identity\r\n\r\n"),
     H1_UNKNOWN_CODING},
    {"two CL", SLICE_INIT(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), H1_BAD},
    {"two equal CL", SLICE_INIT(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), H1_BAD},
    {"CL list", SLICE_INIT(POST "Content-Length: 5, 5\r\n\r\n"), H1_BAD},
    {"CL +5", SLICE_INIT(POST "Content-Length: +5\r\n\r\n"), H1_BAD},
    {"CL -5", SLICE_INIT(POST "Content-Length: -5\r\n\r\n"), H1_BAD},
    {"CL 0x5", SLICE_INIT(POST "Content-Length: 0x5\r\n\r\n"), H1_BAD},
    {"CL 5a", SLICE_INIT(POST "Content-Length: 5a\r\n\r\n"), H1_BAD},
    {"CL 5 5", SLICE_INIT(POST "Content-Length: 5 5\r\n\r\n"), H1_BAD},
    {"CL 5.0", SLICE_INIT(POST "Content-Length: 5.0\r\n\r\n"), H1_BAD},
    {"CL empty", SLICE_INIT(POST "Content-Length:\r\n\r\n"), H1_BAD},
    {"CL overflows 64 bits", SLICE_INIT(POST "Content-Length: 18446744073709551621\r\n\r\n"),
     H1_BAD},
    {"CL overflows 63 bits", SLICE_INIT(POST "Content-Length: 9223372036854775808\r\n\r\n"),
     H1_BAD},
    {"CL in another script's digits", SLICE_INIT(POST "Content-Length: \xd9\xa5\r\n\r\n"), H1_BAD},
    /* Expect (RFC 9110 section 10.1.1) */
    {"9110 10.1.1: unknown", SLICE_INIT(POST "Expect: 200-ok\r\n\r\n"), H1_BAD_EXPECTATION},
    {"9110 10.1.1: empty", SLICE_INIT(POST "Expect:\r\n\r\n"), H1_BAD_EXPECTATION},
    {"9110 10.1.1: two in a list", SLICE_INIT(POST "Expect: 100-continue, foo\r\n\r\n"),
     H1_BAD_EXPECTATION},
    /* not complete */
    {"no empty line", SLICE_INIT(GET H), H1_PARTIAL},
    {"half a line", SLICE_INIT("GET / HT"), H1_PARTIAL},
    {"nothing", SLICE_INIT(""), H1_PARTIAL},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct request_head out;
        struct h1_error err;
        enum h1_result got = parse(refused[i].head, &usual, &out, &err);
        check_number(refused[i].name, "result", got, refused[i].want);
        check_number(refused[i].name, "code", err.code, got);
        if (err.what == NULL || err.what[0] == '\0') {
            fail_msg("%s: no reason given", refused[i].name);
        }
    }
}

/* -- what is accepted, and as what -- */

struct wanted {
    const char *path;
    const char *query;
    const char *host;
    uint16_t port;
    enum framing framing;
    uint64_t length;
    bool close;
    bool expect_continue;
    const char *upgrade;
};

static const struct {
    const char *name;
    struct slice head;
    struct wanted want;
} accepted[] = {
    {"smallest", SLICE_INIT(GET H "\r\n"), {.path = "/", .host = "a"}},
    {"empty lines in front (9112 2.2)",
     SLICE_INIT("\r\n\r\n" GET H "\r\n"),
     {.path = "/", .host = "a"}},
    {"16 empty lines in front", SLICE_INIT(CRLF8 CRLF8 GET H "\r\n"), {.path = "/", .host = "a"}},
    {"1.0 without Host", SLICE_INIT("GET /a HTTP/1.0\r\n\r\n"), {.path = "/a", .close = true}},
    {"1.0 with Host",
     SLICE_INIT("GET / HTTP/1.0\r\nHost: b:8\r\n\r\n"),
     {.path = "/", .host = "b", .port = 8, .close = true}},
    {"1.0 keep-alive",
     SLICE_INIT("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
     {.path = "/"}},
    {"1.0 keep-alive and close",
     SLICE_INIT("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"),
     {.path = "/", .close = true}},
    {"1.1 close",
     SLICE_INIT(GET H "Connection: foo\r\nConnection: bar, CLOSE\r\n\r\n"),
     {.path = "/", .host = "a", .close = true}},
    {"1.1 close wins",
     SLICE_INIT(GET H "Connection: close, keep-alive\r\n\r\n"),
     {.path = "/", .host = "a", .close = true}},
    {"1.1 closed is not close",
     SLICE_INIT(GET H "Connection: closed, x-close\r\n\r\n"),
     {.path = "/", .host = "a"}},
    {"target normalised",
     SLICE_INIT("GET /%7e/./b?%7e HTTP/1.1\r\n" H "\r\n"),
     {.path = "/~/b", .query = "~", .host = "a"}},
    {"raw specials in the target",
     SLICE_INIT("GET /\"<|>? HTTP/1.1\r\n" H "\r\n"),
     {.path = "/%22%3C%7C%3E", .query = "", .host = "a"}},
    {"Host lower-cased, dot dropped",
     SLICE_INIT(GET "Host: ExAmple.ORG.:81\r\n\r\n"),
     {.path = "/", .host = "example.org", .port = 81}},
    {"Host IPv6",
     SLICE_INIT(GET "Host: [::1]:81\r\n\r\n"),
     {.path = "/", .host = "[::1]", .port = 81}},
    {"Host without white space", SLICE_INIT(GET "Host:a\r\n\r\n"), {.path = "/", .host = "a"}},
    {"Host amid white space", SLICE_INIT(GET "Host: \t a \t\r\n\r\n"), {.path = "/", .host = "a"}},
    {"absolute form wins over Host (9112 3.2.2)",
     SLICE_INIT("GET http://B.c:8/d?e HTTP/1.1\r\n" H "\r\n"),
     {.path = "/d", .query = "e", .host = "b.c", .port = 8}},
    {"absolute form, no path",
     SLICE_INIT("GET http://b HTTP/1.1\r\n" H "\r\n"),
     {.path = "/", .host = "b"}},
    {"absolute form, only a query",
     SLICE_INIT("GET http://b?c=d HTTP/1.1\r\n" H "\r\n"),
     {.path = "/", .query = "c=d", .host = "b"}},
    {"absolute form, https, any case",
     SLICE_INIT("GET HTTPS://b/ HTTP/1.1\r\n" H "\r\n"),
     {.path = "/", .host = "b"}},
    {"absolute form, IPv6",
     SLICE_INIT("GET http://[::1]:9/ HTTP/1.1\r\n" H "\r\n"),
     {.path = "/", .host = "[::1]", .port = 9}},
    {"absolute form in 1.0",
     SLICE_INIT("GET http://b/ HTTP/1.0\r\n\r\n"),
     {.path = "/", .host = "b", .close = true}},
    {"OPTIONS *", SLICE_INIT("OPTIONS * HTTP/1.1\r\n" H "\r\n"), {.path = "*", .host = "a"}},
    {"OPTIONS, absolute form (9112 3.2.4)",
     SLICE_INIT("OPTIONS http://b HTTP/1.1\r\n" H "\r\n"),
     {.path = "*", .host = "b"}},
    {"chunked",
     SLICE_INIT(POST "Transfer-Encoding: chunked\r\n\r\n"),
     {.path = "/", .host = "a", .framing = FRAMING_CHUNKED}},
    {"chunked, any case, white space",
     SLICE_INIT(POST "transfer-encoding: \tChunKED \r\n\r\n"),
     {.path = "/", .host = "a", .framing = FRAMING_CHUNKED}},
    {"length",
     SLICE_INIT(POST "Content-Length: 5\r\n\r\n"),
     {.path = "/", .host = "a", .framing = FRAMING_LENGTH, .length = 5}},
    {"length 0",
     SLICE_INIT(POST "Content-Length: 0\r\n\r\n"),
     {.path = "/", .host = "a", .framing = FRAMING_LENGTH}},
    {"length with zeros in front",
     SLICE_INIT(POST "Content-Length: 005\r\n\r\n"),
     {.path = "/", .host = "a", .framing = FRAMING_LENGTH, .length = 5}},
    {"greatest length",
     SLICE_INIT(POST "Content-Length: 9223372036854775807\r\n\r\n"),
     {.path = "/", .host = "a", .framing = FRAMING_LENGTH, .length = INT64_MAX}},
    {"length in 1.0",
     SLICE_INIT("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n"),
     {.path = "/", .framing = FRAMING_LENGTH, .length = 5, .close = true}},
    {"content with GET",
     SLICE_INIT(GET H "Content-Length: 5\r\n\r\n"),
     {.path = "/", .host = "a", .framing = FRAMING_LENGTH, .length = 5}},
    {"expectation",
     SLICE_INIT(POST "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n"),
     {.path = "/", .host = "a", .framing = FRAMING_LENGTH, .length = 5, .expect_continue = true}},
    {"expectation in 1.0 is ignored (9110 10.1.1)",
     SLICE_INIT("POST / HTTP/1.0\r\nExpect: foo\r\n\r\n"),
     {.path = "/", .close = true}},
    {"upgrade",
     SLICE_INIT(GET H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
     {.path = "/", .host = "a", .upgrade = "websocket"}},
    {"upgrade among others",
     SLICE_INIT(GET H "Connection: keep-alive, Upgrade\r\nUpgrade: foo, bar/1\r\n\r\n"),
     {.path = "/", .host = "a", .upgrade = "foo, bar/1"}},
    {"upgrade and content (CVE-2026-2833)",
     SLICE_INIT(POST "Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\n"),
     {.path = "/", .host = "a", .framing = FRAMING_LENGTH, .length = 3, .upgrade = "x"}},
    {"upgrade that Connection does not name",
     SLICE_INIT(GET H "Upgrade: websocket\r\n\r\n"),
     {.path = "/", .host = "a"}},
    {"upgrade in 1.0",
     SLICE_INIT("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
     {.path = "/", .close = true}},
    {"h2c",
     SLICE_INIT(GET H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: H2C\r\nHTTP2-Settings: "
                      "AAMAAABkAAQ\r\n\r\n"),
     {.path = "/", .host = "a"}},
    {"h2c among others, on two lines",
     SLICE_INIT(GET H "Connection: upgrade\r\nUpgrade: x, h2c\r\nUpgrade: h2c , y\r\n\r\n"),
     {.path = "/", .host = "a", .upgrade = "x, y"}},
    {"8-bit and TAB in a value",
     SLICE_INIT(GET H "X: \xc3\xa9\ta\r\n\r\n"),
     {.path = "/", .host = "a"}},
    {"odd names that are tokens",
     SLICE_INIT(GET H "!#$%&'*+-.^`|~0: a\r\n\r\n"),
     {.path = "/", .host = "a"}},
    {"repeated fields that may be",
     SLICE_INIT(GET H "Cookie: a\r\nCookie: b\r\nX-Forwarded-For: c\r\nX-Forwarded-For: d\r\n\r\n"),
     {.path = "/", .host = "a"}},
};

static void check_accepted(const char *name, const struct request_head *out,
                           const struct wanted *want)
{
    check_slice(name, "path", out->path, want->path);
    check_slice(name, "query", out->query, want->query);
    check_slice(name, "host", out->host, want->host);
    check_number(name, "port", out->port, want->port);
    check_number(name, "framing", out->framing, want->framing);
    check_number(name, "content length", (int64_t)out->content_length, (int64_t)want->length);
    check_number(name, "keep alive", out->keep_alive, !want->close);
    check_number(name, "expect continue", out->expect_continue, want->expect_continue);
    check_slice(name, "upgrade", out->upgrade.n > 0 ? out->upgrade : slice_none(), want->upgrade);
    assert_false(fields_has(&out->fields, FIELD_HTTP2_SETTINGS));
    assert_false(fields_list_has(&out->fields, FIELD_UPGRADE, SLICE("h2c")));
    if (want->host != NULL) { /* Host and authority are one value */
        assert_true(slice_eq(fields_get(&out->fields, FIELD_HOST), out->authority));
        assert_int_equal(fields_count(&out->fields, FIELD_HOST), 1);
    }
}

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        struct request_head out;
        struct h1_error err;
        struct slice head = copy_of(accepted[i].head);
        enum h1_result got = h1_parse_request(head, &usual, &arena, &out, &err);
        if (got != H1_OK) {
            fail_msg("%s: refused: %s", accepted[i].name, err.what);
        }
        check_accepted(accepted[i].name, &out, &accepted[i].want);
        copy_free(head);
    }
}

/* llhttp has a list of methods and stops at some; for us each token but CONNECT and TRACE is one
 * (RFC 9110 section 9.1). */
static void test_any_method(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        enum http_method method;
    } methods[] = {
        {"GET", METHOD_GET},
        {"HEAD", METHOD_HEAD},
        {"DELETE", METHOD_DELETE},
        {"PURGE", METHOD_PURGE},
        {"get", METHOD_OTHER},
        {"FOOBAR", METHOD_OTHER},
        {"PRI", METHOD_OTHER},
        {"SOURCE", METHOD_OTHER},
        {"DESCRIBE", METHOD_OTHER},
        {"M-SEARCH", METHOD_OTHER},
        {"connect", METHOD_OTHER},
        {"A", METHOD_OTHER},
        {"!#$%&'*+-.^_`|~", METHOD_OTHER},
    };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct request_head out;
        struct h1_error err;
        struct slice head = arena_printf(&arena, "%s /x HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n",
                                         methods[i].token);
        check_number(methods[i].token, "result", h1_parse_request(head, &usual, &arena, &out, &err),
                     H1_OK);
        check_number(methods[i].token, "method", out.method, methods[i].method);
        check_slice(methods[i].token, "token", out.method_token, methods[i].token);
        check_slice(methods[i].token, "target", out.target, "/x");
        check_number(methods[i].token, "length", (int64_t)out.content_length, 1);
    }
}

static void test_fields_are_given_in_order(void **state)
{
    (void)state;
    struct request_head out;
    struct h1_error err;
    struct slice head =
        SLICE(GET "X-One:  1 \r\nhost: a\r\nX-Empty:\r\nx-one: \t2\r\nUser-Agent: u v\r\n\r\n");
    assert_int_equal(h1_parse_request(head, &usual, &arena, &out, &err), H1_OK);
    static const char *const want[][2] = {
        {"X-One", "1"}, {"host", "a"}, {"X-Empty", ""}, {"x-one", "2"}, {"User-Agent", "u v"}};
    assert_int_equal(out.fields.n, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        check_slice(want[i][0], "name", out.fields.v[i].name, want[i][0]);
        check_slice(want[i][0], "value", out.fields.v[i].value, want[i][1]);
        check_number(want[i][0], "number", out.fields.v[i].id, field_id_of(slice_of(want[i][0])));
    }
}

static void test_underscores(void **state)
{
    (void)state;
    struct request_head out;
    struct h1_error err;
    struct h1_limits with = usual;
    struct slice head = SLICE(GET H "X_A: 1\r\nContent_Length: 5\r\nX-B: 2\r\n\r\n");
    assert_int_equal(h1_parse_request(head, &usual, &arena, &out, &err), H1_OK);
    assert_int_equal(out.fields.n, 2);
    check_slice("off", "name", out.fields.v[1].name, "X-B");
    with.underscores_in_headers = true;
    assert_int_equal(h1_parse_request(head, &with, &arena, &out, &err), H1_OK);
    assert_int_equal(out.fields.n, 4);
    assert_int_equal(out.framing, FRAMING_NONE);
}

static void test_merge_slashes(void **state)
{
    (void)state;
    struct request_head out;
    struct h1_error err;
    struct h1_limits merge = usual;
    struct slice head = SLICE("GET //a///b HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(h1_parse_request(head, &usual, &arena, &out, &err), H1_OK);
    check_slice("off", "path", out.path, "//a///b");
    merge.merge_slashes = true;
    assert_int_equal(h1_parse_request(head, &merge, &arena, &out, &err), H1_OK);
    check_slice("on", "path", out.path, "/a/b");
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct h1_limits limits;
        enum h1_result want;
    } rows[] = {
        {"all just right", {.line_bytes = 14, .head_bytes = 35, .field_count = 2}, H1_OK},
        {"line too long",
         {.line_bytes = 13, .head_bytes = 35, .field_count = 2},
         H1_TARGET_TOO_LONG},
        {"head too large",
         {.line_bytes = 14, .head_bytes = 34, .field_count = 2},
         H1_HEAD_TOO_LARGE},
        {"too many fields",
         {.line_bytes = 14, .head_bytes = 35, .field_count = 1},
         H1_HEAD_TOO_LARGE},
        {"line and head: the line counts",
         {.line_bytes = 13, .head_bytes = 34, .field_count = 2},
         H1_TARGET_TOO_LONG},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct request_head out;
        struct h1_error err;
        enum h1_result got = parse(SLICE(GET H "X_A: b\r\n\r\n"), &rows[i].limits, &out, &err);
        check_number(rows[i].name, "result", got, rows[i].want);
    }
    struct request_head out;
    struct h1_error err;
    struct h1_limits one = {.line_bytes = 14, .head_bytes = 1000, .field_count = 9};
    struct slice head = SLICE(GET H "X: 90123456789\r\nY: 901234567890\r\n\r\n");
    check_number("field line too long", "result", parse(head, &one, &out, &err), H1_HEAD_TOO_LARGE);
    one.line_bytes = 15;
    check_number("field line just right", "result", parse(head, &one, &out, &err), H1_OK);
}

/* A head that is cut anywhere is not complete, never something else: what is there so far was
 * checked and stays as it is. */
static void test_every_prefix_is_partial(void **state)
{
    (void)state;
    struct slice head = SLICE("\r\nGET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n");
    for (size_t n = 0; n < head.n; n++) {
        struct request_head out;
        struct h1_error err;
        check_number("cut head", "result", parse(slice_take(head, n), &usual, &out, &err),
                     H1_PARTIAL);
    }
}

/* Much of one thing must not cost more than in proportion: this ends at once or not at all. */
static void test_long_lists(void **state)
{
    (void)state;
    struct request_head out;
    struct h1_error err;
    struct h1_limits large = {.line_bytes = 1 << 20, .head_bytes = 1 << 20, .field_count = 100};
    size_t n = 500000;
    char *list = arena_alloc(&arena, n);
    for (size_t i = 0; i < n; i++) {
        list[i] = i % 2 == 0 ? 'x' : ',';
    }
    struct slice head = arena_printf(
        &arena, GET H "Connection: upgrade\r\nUpgrade: h2c,%.*s\r\n\r\n", (int)n, list);
    size_t before = arena.used_bytes;
    assert_int_equal(h1_parse_request(head, &large, &arena, &out, &err), H1_OK);
    assert_true(arena.used_bytes - before < 4 * n);
    assert_int_equal(out.upgrade.n, n / 2 * 3 - 2);
}

static int arena_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int arena_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_any_method),  cmocka_unit_test(test_fields_are_given_in_order),
        cmocka_unit_test(test_underscores), cmocka_unit_test(test_merge_slashes),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_every_prefix_is_partial),
        cmocka_unit_test(test_long_lists),
    };
    return cmocka_run_group_tests(tests, arena_up, arena_down);
}
