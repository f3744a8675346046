/* text_tables.c - the report as text: who, and the lists. */
#include "broker/report/text.h"

#define TOP 10U
#define TOP_LIST 20U

static void happenings(const struct text *t, const struct tally *tally, const char *title,
                       const char *heads)
{
    const size_t used = tally_used(tally);
    struct columns c;
    text_title(t, title);
    if (used == 0) {
        buf_add_str(t->out, "  none\n");
        return;
    }
    columns_init(&c, 6, 1);
    text_heads(&c, heads);
    for (size_t i = 0; i < used && i < TOP; i++) {
        text_cell(t, &c, tally->rows[i].text);
        for (unsigned k = 0; k < HAPPENING_COUNT; k++) {
            text_cell_num(&c, tally->rows[i].count[k]);
        }
        text_cell_when(&c, tally->rows[i].last_us);
    }
    text_table(t, &c, used > TOP ? used - TOP : 0);
}

static void counts(const struct text *t, const struct tally *tally, const char *title)
{
    const size_t used = tally_used(tally);
    struct columns c;
    if (used == 0) {
        return;
    }
    text_title(t, title);
    columns_init(&c, 3, 1);
    c.right = 1U << 1;
    for (size_t i = 0; i < used && i < TOP; i++) {
        text_cell(t, &c, tally->rows[i].text);
        text_cell_num(&c, tally->rows[i].total);
        text_cell_when(&c, tally->rows[i].last_us);
    }
    text_table(t, &c, used > TOP ? used - TOP : 0);
}

void text_who(const struct report *r, const struct text *t)
{
    happenings(t, &r->clients, "By client (who asked)",
               "Client|#Issued|#Denied|#Revoked|#Failed|Last seen");
    happenings(t, &r->rules, "By rule", "Rule|#Issued|#Denied|#Revoked|#Failed|Last seen");
    happenings(t, &r->owners, "By owner", "Owner|#Issued|#Denied|#Revoked|#Failed|Last seen");
    counts(t, &r->deny_reasons, "Why the policy said no");
    counts(t, &r->fail_reasons, "Why it failed");
    counts(t, &r->sources, "Failed authentications by source");
    counts(t, &r->refused_reasons, "Refused undecided");
    counts(t, &r->drop_reasons, "Counted without a record of their own");
}

static void names(const struct report *r, const struct text *t)
{
    struct columns c;
    size_t num = 0;
    text_title(t, "Names given for the first time");
    columns_init(&c, 4, 1U | 1U << 3);
    text_heads(&c, "For whom|#New names|#Certificates|For instance");
    for (; num < r->holders.num && r->holders.rows[num].new_names > 0; num++) {
        const struct tally_row *row = &r->holders.rows[num];
        if (num < TOP_LIST) {
            text_cell(t, &c, row->text);
            text_cell_num(&c, row->new_names);
            text_cell_num(&c, row->count[HAPPENED_ISSUED]);
            text_cell(t, &c, row->examples[0]);
        }
    }
    text_table(t, &c, num > TOP_LIST ? num - TOP_LIST : 0);
}

static void wide(const struct report *r, const struct text *t)
{
    struct columns c;
    if (r->num_specials == 0) {
        return;
    }
    text_title(t, "Wildcards and addresses");
    columns_init(&c, 5, 3);
    text_heads(&c, "For whom|Name|#Times|First|");
    for (size_t i = 0; i < r->num_specials && i < TOP_LIST; i++) {
        text_cell(t, &c, r->specials[i].client);
        text_cell(t, &c, r->specials[i].name);
        text_cell_num(&c, r->specials[i].times);
        text_cell_when(&c, r->specials[i].first_us);
        columns_cell(&c, r->specials[i].is_new ? "new" : "");
    }
    text_table(t, &c, r->num_specials > TOP_LIST ? r->num_specials - TOP_LIST : 0);
}

static void denials(const struct report *r, const struct text *t)
{
    struct columns c;
    if (r->num_denials == 0) {
        return;
    }
    text_title(t, "Denied before allowed");
    columns_init(&c, 6, 3U | 1U << 3 | 1U << 5);
    text_heads(&c, "Client|Name|#Denied|Reason|Allowed|Rule");
    for (size_t i = 0; i < r->num_denials && i < TOP_LIST; i++) {
        const struct denial *d = &r->denials[i];
        text_cell(t, &c, d->client);
        text_cell(t, &c, d->name);
        text_cell_num(&c, d->times);
        text_cell(t, &c, d->reason);
        text_cell_day(&c, d->allowed_us);
        text_cell(t, &c, d->rule);
    }
    text_table(t, &c, r->num_denials > TOP_LIST ? r->num_denials - TOP_LIST : 0);
}

static uint64_t loose_shown(const struct loose_list *list)
{
    return list->num < TOP_LIST ? list->num : TOP_LIST;
}

/* loose_rows - of all kinds, so that they stand in the same columns, a line each. */
static void loose_rows(const struct report *r, const struct text *t, struct buf *out)
{
    struct columns c;
    columns_init(&c, 6, 1U << 1 | 1U << 2 | 1U << 3);
    text_heads(&c, "When|For whom|Name|Serial|State|#Record");
    for (unsigned kind = 0; kind < LOOSE_COUNT; kind++) {
        const struct loose_list *list = &r->loose[kind];
        for (uint64_t i = 0; i < loose_shown(list); i++) {
            const struct loose *l = &list->items[(list->num - 1 - i) % REPORT_LOOSE_MAX];
            text_cell_when(&c, l->us);
            text_cell(t, &c, slice_of(l->client));
            text_cell(t, &c, slice_of(l->name[0] == '\0' ? "-" : l->name));
            text_cell(t, &c, slice_of(l->serial[0] == '\0' ? "-" : l->serial));
            columns_cell(&c,
                         l->settled_us == 0 ? "open" : (l->was_revoked ? "revoked" : "settled"));
            buf_add_u64(&c.text, l->seq);
            columns_end(&c);
        }
    }
    if (!columns_print(&c, "    ", t->width, out)) {
        out->failed = true;
    }
    columns_free(&c);
}

static void loose_kind_head(const struct loose_list *list, enum loose_kind kind,
                            const struct text *t)
{
    buf_printf(t->out, "  %s: ", loose_word(kind));
    text_num(t->out, list->num);
    buf_add_str(t->out, ", open ");
    text_num(t->out, list->open);
    buf_add_str(t->out, ", open from before ");
    text_num(t->out, list->older_open);
    buf_add_char(t->out, '\n');
}

/* take_lines - the next num lines of rest. */
static struct slice take_lines(struct slice *rest, uint64_t num)
{
    size_t len = 0;
    for (uint64_t i = 0; i < num && len < rest->len; i++) {
        len += slice_find(slice_from(*rest, len), '\n') + 1;
    }
    const struct slice lines = {rest->ptr, len < rest->len ? len : rest->len};
    *rest = slice_from(*rest, lines.len);
    return lines;
}

static void loose(const struct report *r, const struct text *t)
{
    struct buf rows;
    uint64_t any = 0;
    uint64_t any_shown = 0;
    for (unsigned kind = 0; kind < LOOSE_COUNT; kind++) {
        any += r->loose[kind].num + r->loose[kind].older_open;
        any_shown += r->loose[kind].num;
    }
    text_title(t, "Loose ends");
    buf_add_str(t->out, any == 0 ? "  none\n" : "");
    buf_init(&rows, 1U << 20);
    loose_rows(r, t, &rows);
    struct slice rest = buf_slice(&rows);
    const struct slice heads = take_lines(&rest, 1);
    buf_add_slice(t->out, any_shown == 0 ? SLICE("") : heads);
    for (unsigned kind = 0; kind < LOOSE_COUNT; kind++) {
        const struct loose_list *list = &r->loose[kind];
        if (list->num + list->older_open > 0) {
            loose_kind_head(list, (enum loose_kind)kind, t);
            buf_add_slice(t->out, take_lines(&rest, loose_shown(list)));
            text_more(t, "    ", list->num - loose_shown(list));
        }
    }
    t->out->failed |= rows.failed;
    buf_free(&rows);
}

static void ending(const struct report *r, const struct text *t)
{
    const struct certs *certs = &r->certs;
    struct columns c;
    size_t shown = 0;
    if (certs->gap_7 == 0) {
        return;
    }
    text_title(t, "Ending within 7 days, and nothing newer");
    columns_init(&c, 4, 1U << 1 | 1U << 2 | 1U << 3);
    text_heads(&c, "Ends|For whom|Name|Serial");
    for (size_t i = 0; i < certs->num && shown < TOP_LIST && shown < certs->gap_7; i++) {
        if (!certs_has_newer(&certs->items[i])) {
            text_cell_when(&c, certs->items[i].not_after_s * 1000000);
            text_cell(t, &c, certs->items[i].client);
            text_cell(t, &c, certs->items[i].name);
            columns_cell(&c, certs->items[i].serial);
            shown++;
        }
    }
    text_table(t, &c, certs->gap_7 - shown);
}

void text_lists(const struct report *r, const struct text *t)
{
    names(r, t);
    wide(r, t);
    denials(r, t);
    loose(r, t);
    ending(r, t);
}
