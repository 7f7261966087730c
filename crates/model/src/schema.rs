//! The JSON Schema of a file of workloads, for editors. The derived parts are beside their types; here
//! are the types that are one text, with their patterns, and the whole.
//!
//! What it refuses, reading refuses too; what it accepts may still be refused, for reasons that no
//! schema can say.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    Cpu, DeviceName, InstanceName, LabelKey, LabelValue, Patience, ProviderName, Selector, Size,
    Span, WorkloadFile, WorkloadName, WorkloadSpec,
};

/// The schema of a file of workloads: a list of them, or a single one.
///
/// It is of draft 7, which every editor knows.
pub fn workload_schema() -> Schema {
    let mut generator = SchemaSettings::draft07().into_generator();
    let file = generator.subschema_for::<WorkloadFile>();
    let one = generator.subschema_for::<WorkloadSpec>();
    let mut definitions = generator.take_definitions(true);
    // The workload says these two, and its check refuses them here.
    let instance = definitions.get_mut("InstanceSpec").and_then(|spec| spec.get_mut("properties"));
    if let Some(properties) = instance.and_then(|properties| properties.as_object_mut()) {
        properties.remove("name");
        properties.remove("restart");
    }
    definitions.remove("RestartPolicy");
    json_schema!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Workloads of Tamer, version 1",
        "anyOf": [file, one],
        "definitions": definitions,
    })
}

const SPAN: &str = "([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?";
const SIZE: &str = "^[0-9]+(\\.[0-9]{0,9})?\\s*(KiB|MiB|GiB|TiB|kB|MB|GB|TB|B)?$";
const CPU: &str = "^([0-9]+m|[0-9]+(\\.[0-9]{0,9})?)$";
const KEY: &str = "[A-Za-z0-9._/-]+";
const VALUE: &str = "[^\\s,()=!<>]*";
const VERSION: &str = "[^\\s,()=!<>*]+";

fn span() -> Schema {
    json_schema!({ "type": "string", "minLength": 2, "pattern": format!("^{SPAN}$") })
}

fn patience() -> Schema {
    json_schema!({ "type": "string", "minLength": 2, "pattern": format!("^(never|{SPAN})$") })
}

fn size() -> Schema {
    json_schema!({ "type": ["string", "integer"], "pattern": SIZE, "minimum": 0 })
}

fn cpu() -> Schema {
    json_schema!({ "type": ["string", "number"], "pattern": CPU, "minimum": 0 })
}

/// The grammar of `selector.rs` as one pattern.
fn selector() -> Schema {
    let set = format!("(in|notin)\\s*\\(\\s*{VALUE}\\s*(,\\s*{VALUE}\\s*)*\\)");
    let test = format!("(==?|!=)\\s*{VALUE}|(>=?|<=?)\\s*{VERSION}|{set}");
    let term = format!("\\s*(!\\s*{KEY}|{KEY}\\s*({test})?)\\s*");
    let pattern = format!("^{term}(,{term})*$");
    json_schema!({ "type": "string", "maxLength": crate::MAX_SELECTOR_BYTES, "pattern": pattern })
}

fn workload_name() -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$" })
}

fn provider_name() -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9-]{0,31}$" })
}

fn label_key() -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9._/-]{0,62}$" })
}

fn label_value() -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9._/:-]{0,63}$" })
}

/// Its letters may be of any script, which patterns cannot say everywhere.
fn device_name() -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 63 })
}

fn instance_name() -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 255 })
}

macro_rules! texts {
    ($($name:ident = $schema:ident;)*) => {$(
        impl JsonSchema for $name {
            // Where it is used there is a description already.
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema()
            }
        }
    )*};
}

texts! {
    Span = span;
    Patience = patience;
    Size = size;
    Cpu = cpu;
    Selector = selector;
    WorkloadName = workload_name;
    ProviderName = provider_name;
    LabelKey = label_key;
    LabelValue = label_value;
    DeviceName = device_name;
    InstanceName = instance_name;
}
