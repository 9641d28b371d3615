//! The JSON that Grafana 10 and newer reads.

use serde_json::{Value, json};
use serde_yaml::Mapping;

use super::{Dashboard, Panel, Show};

/// Width of the page, and height of a panel, in Grafana's units.
const WIDTH: usize = 24;
const HEIGHT: usize = 7;

pub(super) fn json(name: &str, dashboard: &Dashboard) -> String {
    let labels: Vec<(&str, &str)> = words(&dashboard.variables).collect();
    let selector = matchers(&labels);
    let mut panels = Vec::new();
    let mut top = 0;
    for row in &dashboard.rows {
        panels.push(json!({
            "type": "row", "id": panels.len() + 1, "title": row.row, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
        }));
        let width = WIDTH / row.panels.len().max(1);
        for (place, panel) in row.panels.iter().enumerate() {
            let mut made = self::panel(panel, &selector);
            made["id"] = json!(panels.len() + 1);
            made["gridPos"] = json!({"x": place * width, "y": top + 1, "w": width, "h": HEIGHT});
            panels.push(made);
        }
        top += 1 + HEIGHT;
    }
    let mut variables = vec![json!({
        "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
    })];
    for (at, (label, metric)) in labels.iter().enumerate() {
        variables.push(variable(label, metric, &matchers(&labels[..at])));
    }
    let board = json!({
        "uid": format!("shoal-{name}"), "title": dashboard.title, "tags": ["shoal"],
        "editable": true, "graphTooltip": 1, "refresh": "30s", "schemaVersion": 39,
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": variables},
        "links": [{
            "type": "dashboards", "tags": ["shoal"], "title": "Shoal", "asDropdown": true, "includeVars": true, "keepTime": true,
        }],
        "panels": panels,
    });
    format!("{board:#}\n")
}

fn words(mapping: &Mapping) -> impl Iterator<Item = (&str, &str)> {
    mapping
        .iter()
        .filter_map(|(key, value)| Some((key.as_str()?, value.as_str()?)))
}

fn matchers(labels: &[(&str, &str)]) -> String {
    let each = labels.iter();
    let each: Vec<String> = each
        .map(|(label, _)| format!("{label}=~\"${label}\""))
        .collect();
    each.join(", ")
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn variable(label: &str, metric: &str, known: &str) -> Value {
    let query = format!("label_values({metric}{{{known}}}, {label})");
    json!({
        "name": label, "label": label, "type": "query", "datasource": source(),
        "definition": query, "query": {"query": query, "refId": label},
        "refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    })
}

fn panel(panel: &Panel, selector: &str) -> Value {
    let at_once = panel.show == Show::Number;
    let queries = words(&panel.queries).zip('A'..='Z');
    let targets: Vec<Value> = queries
        .map(|((legend, expression), letter)| {
            json!({
                "refId": letter.to_string(), "datasource": source(), "legendFormat": legend,
                "expr": expression.replace("$by", selector), "range": !at_once, "instant": at_once,
            })
        })
        .collect();
    let (kind, defaults, options) = if at_once {
        (
            "stat",
            json!({"unit": panel.unit}),
            json!({"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "none", "graphMode": "none", "textMode": "value_and_name"}),
        )
    } else {
        (
            "timeseries",
            json!({"unit": panel.unit, "min": 0, "custom": curves(panel.show == Show::Stack)}),
            json!({
                "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"], "showLegend": true},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
        )
    };
    json!({
        "type": kind, "title": panel.title, "description": panel.question, "datasource": source(), "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []}, "options": options,
    })
}

fn curves(stacked: bool) -> Value {
    json!({
        "fillOpacity": if stacked { 40 } else { 8 }, "lineWidth": 1, "showPoints": "never",
        "stacking": {"mode": if stacked { "normal" } else { "none" }, "group": "A"},
    })
}
