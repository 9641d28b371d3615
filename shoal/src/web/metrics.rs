//! `/metrics` of the page's server, which knows whom it turned away and nothing else.

use axum::http::header;
use axum::response::IntoResponse;

/// The text.
pub(crate) fn respond() -> impl IntoResponse {
    let text = metrics::render("web", "", vec![listen::refusals()]);
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_meanings_and_units_are_as_all_parts_have_them() {
        let text = metrics::render("web", "", vec![listen::refusals()]);
        assert_eq!(metrics::faults("web", &text), [""; 0]);
    }
}
