/* Reason phrases (RFC 9110 section 15 and the registry of status codes). */
#include "http/message.h"

static const struct {
    unsigned status;
    struct slice reason;
} reasons[] = {
    {100, SLICE_INIT("Continue")},
    {101, SLICE_INIT("Switching Protocols")},
    {102, SLICE_INIT("Processing")},
    {103, SLICE_INIT("Early Hints")},
    {200, SLICE_INIT("OK")},
    {201, SLICE_INIT("Created")},
    {202, SLICE_INIT("Accepted")},
    {203, SLICE_INIT("Non-Authoritative Information")},
    {204, SLICE_INIT("No Content")},
    {205, SLICE_INIT("Reset Content")},
    {206, SLICE_INIT("Partial Content")},
    {207, SLICE_INIT("Multi-Status")},
    {208, SLICE_INIT("Already Reported")},
    {226, SLICE_INIT("IM Used")},
    {300, SLICE_INIT("Multiple Choices")},
    {301, SLICE_INIT("Moved Permanently")},
    {302, SLICE_INIT("Found")},
    {303, SLICE_INIT("See Other")},
    {304, SLICE_INIT("Not Modified")},
    {305, SLICE_INIT("Use Proxy")},
    {307, SLICE_INIT("Temporary Redirect")},
    {308, SLICE_INIT("Permanent Redirect")},
    {400, SLICE_INIT("Bad Request")},
    {401, SLICE_INIT("Unauthorized")},
    {402, SLICE_INIT("Payment Required")},
    {403, SLICE_INIT("Forbidden")},
    {404, SLICE_INIT("Not Found")},
    {405, SLICE_INIT("Method Not Allowed")},
    {406, SLICE_INIT("Not Acceptable")},
    {407, SLICE_INIT("Proxy Authentication Required")},
    {408, SLICE_INIT("Request Timeout")},
    {409, SLICE_INIT("Conflict")},
    {410, SLICE_INIT("Gone")},
    {411, SLICE_INIT("Length Required")},
    {412, SLICE_INIT("Precondition Failed")},
    {413, SLICE_INIT("Content Too Large")},
    {414, SLICE_INIT("URI Too Long")},
    {415, SLICE_INIT("Unsupported Media Type")},
    {416, SLICE_INIT("Range Not Satisfiable")},
    {417, SLICE_INIT("Expectation Failed")},
    {421, SLICE_INIT("Misdirected Request")},
    {422, SLICE_INIT("Unprocessable Content")},
    {423, SLICE_INIT("Locked")},
    {424, SLICE_INIT("Failed Dependency")},
    {425, SLICE_INIT("Too Early")},
    {426, SLICE_INIT("Upgrade Required")},
    {428, SLICE_INIT("Precondition Required")},
    {429, SLICE_INIT("Too Many Requests")},
    {431, SLICE_INIT("Request Header Fields Too Large")},
    {451, SLICE_INIT("Unavailable For Legal Reasons")},
    {500, SLICE_INIT("Internal Server Error")},
    {501, SLICE_INIT("Not Implemented")},
    {502, SLICE_INIT("Bad Gateway")},
    {503, SLICE_INIT("Service Unavailable")},
    {504, SLICE_INIT("Gateway Timeout")},
    {505, SLICE_INIT("HTTP Version Not Supported")},
    {506, SLICE_INIT("Variant Also Negotiates")},
    {507, SLICE_INIT("Insufficient Storage")},
    {508, SLICE_INIT("Loop Detected")},
    {511, SLICE_INIT("Network Authentication Required")},
};

struct slice status_reason(unsigned status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return SLICE("");
}
