//! The table of settings: keys, types and meanings from the doc comments of the settings structs, defaults from the program.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use serde_json::Value;
use syn::{Attribute, Expr, ExprLit, Fields, GenericArgument, Item, Lit, Meta, PathArguments, Type};
use uecho::config::keys::DEFAULTS;

/// One setting.
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) form: &'static str,
    /// As TOML; empty when unset.
    pub(crate) default: String,
    pub(crate) meaning: String,
}

/// What the sources of the settings declare.
#[derive(Default)]
struct Declared {
    /// Struct to its fields: name, type, doc comment.
    structs: BTreeMap<String, Vec<(String, String, String)>>,
    /// Enum to its variants as TOML has them.
    enums: BTreeMap<String, Vec<String>>,
}

/// All settings, in their order.
pub(crate) fn rows() -> Result<Vec<Row>, Box<dyn Error>> {
    let declared = declared(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config"))?;
    DEFAULTS
        .iter()
        .map(|key| {
            let (section, name) = key.key.split_once('.').unwrap_or(("", &key.key));
            let structure = match section {
                "" => "Settings",
                _ => &declared.field("Settings", section)?.1,
            };
            let (_, kind, doc) = declared.field(structure, name)?;
            // its doc comment says it all
            let variants = declared.enums.get(kind).filter(|_| kind != "Workers");
            let variants = variants.map(|variants| format!(" One of {}.", variants.join(", ")));
            let default = match (key.key.as_str(), &key.value) {
                ("instance", _) => "the host name".into(),
                (_, Value::Null) => String::new(),
                (_, value) => format!("`{}`", toml::Value::try_from(value)?),
            };
            Ok(Row {
                key: key.key.clone(),
                form: form(kind).ok_or_else(|| format!("{}: no words for the type {kind}", key.key))?,
                default,
                meaning: doc.clone() + &variants.unwrap_or_default(),
            })
        })
        .collect()
}

/// The rows as docs/settings.md has them.
pub(crate) fn markdown() -> Result<String, Box<dyn Error>> {
    let line = |row: Row| {
        let Row { key, form, default, meaning } = row;
        format!("| `{key}` | {form} | {default} | {} |\n", meaning.replace('|', "\\|"))
    };
    let rows = rows()?.into_iter().map(line).collect::<String>();
    Ok(format!("| key | type | default | meaning |\n|---|---|---|---|\n{rows}"))
}

const MARKERS: [&str; 2] = ["<!-- config -->\n", "<!-- /config -->"];

/// A page with the table between its markers.
pub(crate) fn in_page(page: &str, table: &str) -> Result<String, Box<dyn Error>> {
    let missing = || format!("the page has no {MARKERS:?}");
    let (before, rest) = page.split_once(MARKERS[0]).ok_or_else(missing)?;
    let (_, after) = rest.split_once(MARKERS[1]).ok_or_else(missing)?;
    Ok([before, MARKERS[0], table, MARKERS[1], after].concat())
}

impl Declared {
    fn field(&self, structure: &str, name: &str) -> Result<&(String, String, String), String> {
        let fields = self.structs.get(structure).ok_or_else(|| format!("no struct {structure}"))?;
        fields
            .iter()
            .find(|(field, ..)| field == name)
            .ok_or_else(|| format!("{structure} has no field {name}"))
    }
}

fn declared(directory: &Path) -> Result<Declared, Box<dyn Error>> {
    let mut declared = Declared::default();
    let sections = fs::read_dir(directory.join("settings"))?
        .map(|file| Ok(file?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    for file in sections.into_iter().filter(|path| path.is_file()).chain([directory.join("settings.rs")]) {
        for item in syn::parse_file(&fs::read_to_string(file)?)?.items {
            match item {
                Item::Struct(item) => {
                    let Fields::Named(fields) = item.fields else { continue };
                    let fields = fields.named.into_iter().filter_map(|field| {
                        Some((field.ident?.to_string(), innermost(&field.ty)?, doc(&field.attrs)))
                    });
                    declared.structs.insert(item.ident.to_string(), fields.collect());
                }
                Item::Enum(item) => {
                    let variants = item.variants.iter().map(|variant| {
                        let name = snake_case(&variant.ident.to_string());
                        if variant.fields.is_empty() {
                            format!("`\"{name}\"`")
                        } else {
                            format!("`{{ {name} = n }}`")
                        }
                    });
                    declared.enums.insert(item.ident.to_string(), variants.collect());
                }
                _ => {}
            }
        }
    }
    Ok(declared)
}

/// The name of a type; of a container, that of what it holds last, with a star for each list or table.
fn innermost(kind: &Type) -> Option<String> {
    let Type::Path(path) = kind else { return None };
    let segment = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return Some(segment.ident.to_string());
    };
    let Some(GenericArgument::Type(inner)) = arguments.args.last() else { return None };
    let star = if segment.ident == "Option" { "" } else { "*" };
    Some(innermost(inner)? + star)
}

fn form(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "String" | "LogFormat" | "Access" => "string",
        "String*" => "list of strings",
        "Listen" => "address",
        "usize" | "u32" => "whole number",
        "f64" => "number",
        "Size" => "size",
        "Span" => "duration",
        "Policy" => "string or table",
        "Workers" => "string or whole number",
        "PathBuf" => "path",
        "SecretString" => "secret string",
        "SecretString*" => "table of secret strings",
        _ => return None,
    })
}

fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ")
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
