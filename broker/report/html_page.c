/* html_page.c - head and frame of the page. The style is allowed by its digest, nothing else at all. */
#include "broker/report/html.h"

#include <openssl/evp.h>

static void add_policy_of_page(struct slice style, struct buf *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char text[4 * ((SHA256_LEN + 2) / 3) + 1];
    if (EVP_Digest(style.ptr, style.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        buf_add_str(out, "default-src 'none'");
        return;
    }
    (void)EVP_EncodeBlock(text, digest, SHA256_LEN);
    buf_printf(out,
               "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
               (const char *)text);
}

static void add_head(const struct report *r, struct buf *out)
{
    struct buf style;
    buf_init(&style, 1U << 20);
    for (size_t i = 0; html_style[i] != NULL; i++) {
        buf_add_str(&style, html_style[i]);
    }
    buf_add_str(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"");
    add_policy_of_page(buf_slice(&style), out);
    buf_add_str(out,
                "\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"referrer\" content=\"no-referrer\">\n"
                "<meta name=\"robots\" content=\"noindex\">\n<title>Certificates of ");
    html_text(out, slice_of(r->origin));
    buf_add_str(out, "</title>\n<style>");
    buf_add_slice(out, buf_slice(&style));
    buf_add_str(out, "</style></head>\n<body>\n");
    buf_free(&style);
}

static void add_sections(const struct report *r, struct buf *out)
{
    html_who(r, out);
    html_names(r, out);
    html_wide(r, out);
    html_denied(r, out);
    html_loose(r, out);
    html_expiry(r, out);
    html_strangers(r, out);
    html_policies(r, out);
    html_log(r, out);
    html_not_covered(r, out);
}

void html_page(struct report *r, struct buf *out)
{
    add_head(r, out);
    html_overview(r, out);
    if (!r->is_before) {
        add_sections(r, out);
    }
    buf_add_str(out, "</main>\n<footer><p>Made by certbroker audit report on ");
    html_time(out, r->made_us);
    buf_add_str(out, " UTC. All times are UTC.</p></footer>\n</body></html>\n");
}
