/* yaml_tree.c - see yaml_tree.h. Turns libyaml's events into nodes and refuses what the subset does
 * not have. Reading values out of nodes is in yaml_read.c, reading the file in yaml_file.c.
 *
 * What libyaml refuses ends the parse; what only we refuse (an alias, a tag, a repeated key) is
 * complained about and the parse goes on, so that one run shows as much as it can. */
#include "policy/yaml_tree.h"
#include "policy/name.h"
#include "policy/table.h"
#include "policy/yaml_doc.h"

#include <limits.h>
#include <stdlib.h>
#include <yaml.h>

#define SLAB_NODES 64
#define SLAB_NODES_MAX 1024 /* of a file that has many */
#define NUM_MASK 0x7ffffffU /* a file is at most 64 MiB: no count is larger */
#define BRANCHES_MAX 8
#define SMALL_MAP 16 /* keys; a bigger map gets a table against quadratic work */

struct frame {
    struct yaml_node *node;
    struct yaml_node *last;
    struct slice key; /* ptr NULL: the next scalar of a map is a key */
    unsigned key_line;
    unsigned short key_col;
    bool is_repeated;  /* the key */
    struct table seen; /* key -> line, once the map is bigger than SMALL_MAP */
};

struct slab { /* room for the next nodes */
    struct yaml_node *nodes;
    size_t left;
};

struct builder {
    struct yaml_doc *doc;
    struct diag_list *diags;
    struct frame frames[YAML_DEPTH_MAX];
    size_t depth;
    size_t num_docs;
    yaml_mark_t quoted_start, quoted_end; /* of the last text in quotes */
    struct slab trunk;                    /* the root and its entries */
    struct slab twigs;                    /* what hangs below the latest entry ... */
    struct yaml_branch *branch;           /* ... and where it is kept */
    size_t num_branches;
    size_t at_char, at_byte; /* one place in the file, in both counts; only moves on */
    bool stopped;            /* going on makes no sense */
};

static void complain(struct builder *b, const yaml_mark_t *mark, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(struct builder *b, const yaml_mark_t *mark, const char *fmt, ...)
{
    const struct diag_place place = {b->doc->file, (unsigned)mark->line + 1,
                                     (unsigned)mark->column + 1};
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof(text), fmt, ap) < 0) {
        text[0] = '\0';
    }
    va_end(ap);
    diag_add(b->diags, DIAG_ERROR, place, "%s", text);
}

static void stop(struct builder *b, const yaml_mark_t *mark, const char *why)
{
    complain(b, mark, "%s", why);
    b->stopped = true;
}

static unsigned line_of(const yaml_mark_t *mark)
{
    return (unsigned)mark->line + 1;
}

static unsigned short col_of(const yaml_mark_t *mark)
{
    return mark->column < USHRT_MAX ? (unsigned short)(mark->column + 1) : USHRT_MAX;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* byte_offset - of a character: libyaml counts characters. Events come in the order of the file, so
 * all calls together go through it once. */
static size_t byte_offset(struct builder *b, size_t index)
{
    const struct slice file = b->doc->bytes;
    if (b->doc->is_ascii) {
        return index < file.len ? index : file.len;
    }
    while (b->at_char < index && b->at_byte < file.len) {
        b->at_byte++;
        while (b->at_byte < file.len && is_continuation(file.ptr[b->at_byte])) {
            b->at_byte++;
        }
        b->at_char++;
    }
    return b->at_byte;
}

static bool in_quotes(const yaml_event_t *e)
{
    return e->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
           e->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

static struct arena *arena_of(struct builder *b)
{
    return b->depth > 1 ? &b->branch->arena : &b->doc->arena;
}

/* keep_text - a scalar's text: where it stands in the file if it stands there as it is (nearly
 * always), else a copy. At 100,000 rules this saves some 60 MB. */
static struct slice keep_text(struct builder *b, const yaml_event_t *e)
{
    const struct slice text = {(const char *)e->data.scalar.value, e->data.scalar.length};
    const size_t start = byte_offset(b, e->start_mark.index) + (in_quotes(e) ? 1 : 0);
    const struct slice file = b->doc->bytes;
    if (start <= file.len && text.len <= file.len - start) {
        const struct slice there = {file.ptr + start, text.len};
        if (slice_eq(there, text)) {
            return there;
        }
    }
    return arena_slice(arena_of(b), text);
}

static bool earlier_key(const struct frame *f, struct slice key, size_t *ret_line)
{
    if (f->node->num > SMALL_MAP) {
        return table_get(&f->seen, 0, key, ret_line);
    }
    for (const struct yaml_node *n = f->node->first; n != NULL; n = n->next) {
        if (slice_eq(n->key, key)) {
            *ret_line = n->key_line;
            return true;
        }
    }
    return false;
}

/* remember_key - called after the node was hung into its map. */
static bool remember_key(struct frame *f, const struct yaml_node *added)
{
    if (f->node->num <= SMALL_MAP) {
        return true;
    }
    if (f->seen.num > 0) {
        return f->is_repeated || table_put(&f->seen, 0, added->key, added->key_line);
    }
    bool ok = true;
    for (const struct yaml_node *n = f->node->first; n != NULL && ok; n = n->next) {
        size_t line = 0;
        ok = table_get(&f->seen, 0, n->key, &line) || table_put(&f->seen, 0, n->key, n->key_line);
    }
    return ok;
}

static void take_key(struct builder *b, struct frame *f, const yaml_event_t *e)
{
    char quoted[NAME_QUOTE_SIZE];
    const struct slice key = keep_text(b, e);
    size_t line = 0;
    if (key.ptr == NULL) {
        stop(b, &e->start_mark, "out of memory");
        return;
    }
    if (key.len == 0) {
        complain(b, &e->start_mark, "a key is empty");
    } else if (slice_eq(key, SLICE("<<"))) {
        complain(b, &e->start_mark, "merge keys (<<) are not used here: write the keys out");
    } else if (earlier_key(f, key, &line)) {
        complain(b, &e->start_mark, "key \"%s\" is here twice: the first one is in line %zu",
                 name_quote(key, quoted), line);
    }
    f->is_repeated = line != 0;
    f->key = key;
    f->key_line = line_of(&e->start_mark);
    f->key_col = col_of(&e->start_mark);
}

/* attach - hang a node where the parse stands: as the root, a list's item or a map's value. */
static bool attach(struct builder *b, struct yaml_node *node)
{
    if (b->depth == 0) {
        b->doc->root = node;
        return true;
    }
    struct frame *f = &b->frames[b->depth - 1];
    if (f->last == NULL) {
        f->node->first = node;
    } else {
        f->last->next = node;
    }
    f->last = node;
    f->node->num++;
    if (f->node->kind != YAML_MAP) {
        return true;
    }
    node->key = f->key;
    node->key_line = f->key_line & NUM_MASK;
    node->key_col = f->key_col;
    f->key = (struct slice){0};
    return remember_key(f, node);
}

static struct yaml_node *take_node(struct builder *b)
{
    struct slab *slab = b->depth > 1 ? &b->twigs : &b->trunk;
    if (slab->left == 0) {
        const size_t num = b->doc->num_nodes < SLAB_NODES_MAX ? SLAB_NODES : SLAB_NODES_MAX;
        slab->nodes = arena_array(arena_of(b), num, sizeof(*slab->nodes));
        slab->left = slab->nodes == NULL ? 0 : num;
    }
    if (slab->left == 0 || b->doc->num_nodes == YAML_NODES_MAX) {
        return NULL;
    }
    b->doc->num_nodes++;
    slab->left--;
    return slab->nodes++;
}

/* new_branch - what comes below an entry of the root is kept apart from the rest; all together that
 * comes below the many entries of a file that is no policy. */
static bool new_branch(struct builder *b, const struct yaml_node *top)
{
    if (b->num_branches == BRANCHES_MAX) {
        return true;
    }
    b->num_branches++;
    struct yaml_branch *branch = arena_alloc(&b->doc->arena, sizeof(*branch));
    if (branch == NULL) {
        return false;
    }
    *branch = (struct yaml_branch){.top = b->num_branches == BRANCHES_MAX ? NULL : top,
                                   .next = b->doc->branches};
    arena_init(&branch->arena, YAML_TREE_CAP);
    b->doc->branches = branch;
    b->branch = branch;
    b->twigs = (struct slab){0};
    return true;
}

static struct yaml_node *new_node(struct builder *b, enum yaml_kind kind, const yaml_mark_t *mark)
{
    if (b->depth > 0 && b->frames[b->depth - 1].node->num == YAML_CHILDREN_MAX) {
        stop(b, mark, "one list or map holds more values than can be read");
        return NULL;
    }
    struct yaml_node *node = take_node(b);
    if (node == NULL) {
        stop(b, mark, "the file holds more values than can be read");
        return NULL;
    }
    *node = (struct yaml_node){.kind = kind, .line = line_of(mark) & NUM_MASK, .col = col_of(mark)};
    return node;
}

/* refuse_properties - anchors and tags are refused where they stand. */
static void refuse_properties(struct builder *b, const yaml_event_t *e, const yaml_char_t *anchor,
                              const yaml_char_t *tag)
{
    if (anchor != NULL) {
        complain(b, &e->start_mark,
                 "anchors (&name) are not used here; put the value in quotes if "
                 "it begins with &");
    }
    if (tag != NULL) {
        complain(b, &e->start_mark,
                 "tags (!name) are not used here; put the value in quotes if it "
                 "begins with !");
    }
}

static bool wants_key(const struct builder *b)
{
    return b->depth > 0 && b->frames[b->depth - 1].node->kind == YAML_MAP &&
           b->frames[b->depth - 1].key.ptr == NULL;
}

static void on_scalar(struct builder *b, const yaml_event_t *e)
{
    if (in_quotes(e)) {
        b->quoted_start = e->start_mark;
        b->quoted_end = e->end_mark;
    }
    refuse_properties(b, e, e->data.scalar.anchor, e->data.scalar.tag);
    if (e->data.scalar.length > 0 &&
        memchr(e->data.scalar.value, '\0', e->data.scalar.length) != NULL) {
        complain(b, &e->start_mark, "a value must not hold a NUL (\\0)");
    }
    if (wants_key(b)) {
        take_key(b, &b->frames[b->depth - 1], e);
        return;
    }
    struct yaml_node *node = new_node(b, YAML_SCALAR, &e->start_mark);
    if (node == NULL) {
        return;
    }
    node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = keep_text(b, e);
    if (node->text.ptr == NULL || !attach(b, node)) {
        stop(b, &e->start_mark, "out of memory");
    }
}

static void on_start(struct builder *b, enum yaml_kind kind, const yaml_event_t *e)
{
    if (wants_key(b)) {
        stop(b, &e->start_mark, "a key must be plain text, not a list or a map");
        return;
    }
    if (b->depth == YAML_DEPTH_MAX) {
        stop(b, &e->start_mark, "nested too deep: at most 16 levels are read");
        return;
    }
    struct yaml_node *node = new_node(b, kind, &e->start_mark);
    if (node == NULL) {
        return;
    }
    if (!attach(b, node) || (b->depth == 1 && !new_branch(b, node))) {
        stop(b, &e->start_mark, "out of memory");
        return;
    }
    b->frames[b->depth] = (struct frame){.node = node};
    b->depth++;
}

static void on_end(struct builder *b)
{
    b->depth--;
    table_free(&b->frames[b->depth].seen);
}

static void on_alias(struct builder *b, const yaml_event_t *e)
{
    char quoted[NAME_QUOTE_SIZE];
    complain(b, &e->start_mark,
             "aliases (*name) are not used here; put a value that begins with * in quotes: \"*%s\"",
             name_quote(slice_of((const char *)e->data.alias.anchor), quoted));
    b->stopped = true; /* the value is missing from the tree now, which is past mending */
}

static void on_document(struct builder *b, const yaml_event_t *e)
{
    if (e->data.document_start.version_directive != NULL ||
        e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end) {
        complain(b, &e->start_mark, "directives (lines that begin with %%) are not used here");
    }
    b->num_docs++;
    if (b->num_docs > 1) {
        stop(b, &e->start_mark, "a second document begins here: a file holds exactly one");
    }
}

static void on_event(struct builder *b, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    case YAML_DOCUMENT_START_EVENT:
        on_document(b, e);
        break;
    case YAML_ALIAS_EVENT:
        on_alias(b, e);
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(b, e);
        break;
    case YAML_SEQUENCE_START_EVENT:
        refuse_properties(b, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
        on_start(b, YAML_LIST, e);
        break;
    case YAML_MAPPING_START_EVENT:
        refuse_properties(b, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
        on_start(b, YAML_MAP, e);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(b);
        break;
    }
}

/* ---- what libyaml itself refuses ---- */

static void on_refusal(struct builder *b, const yaml_parser_t *p)
{
    if (p->error == YAML_MEMORY_ERROR) {
        stop(b, &p->mark, "out of memory");
        return;
    }
    const bool has_mark = p->error == YAML_SCANNER_ERROR || p->error == YAML_PARSER_ERROR;
    const yaml_mark_t *mark = has_mark ? &p->problem_mark : &p->mark;
    const struct yaml_refusal refusal = {
        .context = p->context == NULL ? "" : p->context,
        .problem = p->problem == NULL ? "unreadable" : p->problem,
        .line = mark->line,
        .col = mark->column,
        .context_line = p->context_mark.line,
        .context_col = p->context_mark.column,
        .has_quoted = b->quoted_end.index > 0,
        .quoted_line = b->quoted_start.line,
        .quoted_end_line = b->quoted_end.line,
        .quoted_end_col = b->quoted_end.column,
    };
    char text[YAML_HINT_SIZE];
    const char *hint = yaml_hint(b->doc, &refusal, text);
    complain(b, mark, "this is not YAML: %s%s%s%s%s", refusal.context,
             refusal.context[0] == '\0' ? "" : ", ", refusal.problem, hint == NULL ? "" : "; ",
             hint == NULL ? "" : hint);
    b->stopped = true;
}

static void build(struct builder *b, yaml_parser_t *p)
{
    bool more = true;
    while (more && !b->stopped) {
        yaml_event_t event;
        if (!yaml_parser_parse(p, &event)) {
            on_refusal(b, p);
            return;
        }
        on_event(b, &event);
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
}

bool yaml_build(struct yaml_doc *doc, struct diag_list *diags)
{
    struct builder *b = calloc(1, sizeof(*b));
    yaml_parser_t parser;
    if (b == NULL || !yaml_parser_initialize(&parser)) {
        free(b);
        diag_add(diags, DIAG_ERROR, (struct diag_place){.file = doc->file}, "out of memory");
        return false;
    }
    const size_t errors_before = diag_num_errors(diags);
    b->doc = doc;
    b->diags = diags;
    /* A byte order mark is no part of the first line, in which libyaml would count it as indentation. */
    b->at_byte = slice_has_prefix(doc->bytes, SLICE("\xef\xbb\xbf")) ? 3 : 0;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)doc->bytes.ptr + b->at_byte,
                                 doc->bytes.len - b->at_byte);
    build(b, &parser);
    yaml_parser_delete(&parser);
    while (b->depth > 0) {
        on_end(b);
    }
    free(b);
    if (doc->root == NULL && diag_num_errors(diags) == errors_before) {
        diag_add(diags, DIAG_ERROR, (struct diag_place){.file = doc->file}, "the file is empty");
    }
    return diag_num_errors(diags) == errors_before;
}
