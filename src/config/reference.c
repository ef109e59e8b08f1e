/* conf/REFERENCE.md out of the table of directives. */
#include "config/config.h"

#include "config/loading.h"

/* In a table's cell. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void print_choices(FILE *out, const struct directive *d)
{
    for (const struct choice *c = d->choices; c->word != NULL; c++) {
        fprintf(out, "%s%s", c == d->choices ? "" : ", ", c->word);
    }
}

static void print_value_column(FILE *out, const struct directive *d)
{
    if (d->choices != NULL) {
        print_choices(out, d);
    } else {
        print_cell(out, type_of(d)->text);
    }
    if (d->min != NULL && d->max != NULL) {
        fprintf(out, " (%s to %s)", d->min, d->max);
    } else if (d->min != NULL) {
        fprintf(out, " (at least %s)", d->min);
    }
}

static void print_scopes(FILE *out, const struct directive *d)
{
    const char *separator = "";
    for (unsigned i = 0; i < SCOPE_COUNT; i++) {
        unsigned scope = 1U << i;
        bool twice = scope == SCOPE_HTTP && (d->scope & SCOPE_MAIN) != 0;
        if ((d->scope & scope) != 0 && !twice) {
            fprintf(out, "%s%s", separator, scope_text(scope));
            separator = ", ";
        }
    }
}

static void print_row(FILE *out, const struct directive *d)
{
    if (d->section != NULL) {
        fprintf(out, "\n## %s\n\n", d->section);
        fputs("| directive | value | default | stands in | from | what it does |\n", out);
        fputs("|---|---|---|---|---|---|\n", out);
    }
    fprintf(out, "| `%s` | ", d->name);
    print_value_column(out, d);
    fputs(" | ", out);
    if (d->dflt != NULL) {
        fputc('`', out);
        print_cell(out, d->dflt);
        fputc('`', out);
    }
    fputs(" | ", out);
    print_scopes(out, d);
    fprintf(out, " | %s | ", d->source);
    print_cell(out, d->doc);
    fputs(" |\n", out);
}

static void print_variables(FILE *out)
{
    fputs("\n## Variables\n\n"
          "`$name` or `${name}` in texts with variables; groups of regular expressions of "
          "locations and server names\n"
          "are variables too: `$1` to `$9`, and by their name.\n\n"
          "| variable | what it is |\n|---|---|\n",
          out);
    for (size_t i = 0; template_variable_name(i) != NULL; i++) {
        const char *name = template_variable_name(i);
        size_t n = strlen(name);
        fprintf(out, "| `$%s%s` | ", name, n > 0 && name[n - 1] == '_' ? "NAME" : "");
        print_cell(out, template_variable_doc(i));
        fputs(" |\n", out);
    }
}

void config_print_reference(FILE *out)
{
    fputs("# Directives\n\n"
          "Written by `make docs` from the table in `src/config/directives.c`.\n\n"
          "A directive at the top level is inherited by all servers, and from a server by its "
          "locations; one that is set further inside\n"
          "replaces the inherited value whole. Durations are `250ms`, `10s`, `5m`, `1h`, `1d`; a "
          "number alone is seconds. Sizes are\n"
          "`512`, `8k`, `16m`, `1g`. `${env:NAME}` and `${env:NAME:-default}` are replaced when "
          "the file is read.\n",
          out);
    for (size_t i = 0; i < directive_count(); i++) {
        print_row(out, directive_at(i));
    }
    print_variables(out);
}
