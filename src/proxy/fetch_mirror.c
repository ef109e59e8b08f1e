/* proxy_store: the origin's whole answer to a GET is written to a file, too. */
#include "http/date.h"
#include "http/uri.h"
#include "proxy/fetch_internal.h"
#include "proxy/mirror.h"

void fetch_begin_mirror(struct fetch *f)
{
    struct request *r = f->r;
    const struct location_conf *l = r->location;
    if (!l->store_path || r->head.method != METHOD_GET || f->response->head.status != 200 ||
        r->pass_range)
        return;
    struct slice path = uri_decode(template_render(l->store_path, r, &r->arena), &r->arena);
    f->mirror = mirror_open(f->worker->log, path, l->store_mode, l->store_max_bytes);
}

void fetch_end_mirror(struct fetch *f)
{
    wall_s modified = -1;
    struct slice value = fields_get(&f->response->head.fields, FIELD_LAST_MODIFIED);
    if (!value.p || !http_date_parse(value, loop_wall(f->worker->loop) / 1000, &modified))
        modified = -1;
    mirror_commit(&f->mirror, modified);
}
