/* Configuration files: any bytes are a configuration or a list of errors; what is accepted prints
 * as text that is accepted again. */
#include "config/config.h"

#include <stdlib.h>

static void check_printed(const struct config *config)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    config_print_effective(out, config);
    fclose(out);
    if (strstr(text, "${env:") != NULL) { /* came out of a replacement and would be replaced now */
        free(text);
        return;
    }
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *again = config_load_text("printed.yaml", slice_make(text, n), &errors);
    if (again == NULL) {
        config_errors_print(&errors, stderr);
        fwrite(text, 1, n, stderr);
        abort();
    }
    config_unref(&again);
    config_errors_fini(&errors);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    if (slice_find_slice(text, SLICE("include")) <
        text.n) { /* other files are not part of the input */
        return 0;
    }
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = config_load_text("fuzz.yaml", text, &errors);
    if ((config == NULL) != (errors.errors > 0)) {
        abort();
    }
    for (size_t i = 1; i < errors.n; i++) {
        if (errors.items[i].line < errors.items[i - 1].line) {
            abort();
        }
    }
    if (config != NULL && size < 4096) {
        check_printed(config);
    }
    config_unref(&config);
    config_errors_fini(&errors);
    return 0;
}
