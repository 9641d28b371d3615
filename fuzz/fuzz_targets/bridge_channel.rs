//! Messages of the bridge channel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use xmpp::bridge_channel::parse;

/// JSON says nothing of the precision of numbers: the last digits of a long fraction may differ
/// after another reading (RFC 8259 §6).
fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or_default();
            *value = format!("{number:.9e}").into();
        }
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

fn rounded(json: &str) -> Value {
    let mut value = serde_json::from_str(json).expect("what was rendered is JSON");
    round(&mut value);
    value
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(message) = parse(text)
    {
        let rendered = message.to_json();
        let again = parse(&rendered).expect("what was rendered is read");
        assert_eq!(rounded(&again.to_json()), rounded(&rendered));
    }
});
