//! A small tree of XML: built, written, read back.

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer, XmlVersion};
use serde_json::{Map, Value};

/// Deeper than any XML of libvirt; bounds what a strange peer can make us hold.
const MAX_DEPTH: usize = 64;

/// One element with what is in it. Comments, instructions and the space between elements are not
/// kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// Its name, with its prefix.
    pub name: String,
    /// Its attributes, in their order.
    pub attributes: Vec<(String, String)>,
    /// Its elements, in their order.
    pub children: Vec<Self>,
    /// Its text; empty where it has elements.
    pub text: String,
}

impl Element {
    /// An empty element.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// An element with a text in it.
    pub fn text(name: &str, text: impl ToString) -> Self {
        Self { text: text.to_string(), ..Self::new(name) }
    }

    /// With this attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.attributes.push((name.to_owned(), value.to_string()));
        self
    }

    /// With this element in it.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// With these elements in it.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Its elements of this name.
    pub fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element at the end of this path: `["os", "type"]`.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        match path {
            [] => Some(self),
            [first, rest @ ..] => self.children.iter().find(|c| c.name == *first)?.at(rest),
        }
    }

    /// The text at the end of this path.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.as_str())
    }

    /// Reads a document. The error says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text);
        // The first is not an element of the document but holds it.
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) => {
                    if open.len() > MAX_DEPTH {
                        return Err(format!("more than {MAX_DEPTH} elements in each other"));
                    }
                    open.push(begun(&start)?);
                }
                Event::Empty(start) => close(&mut open, begun(&start)?)?,
                Event::End(_) => {
                    let element = open.pop().ok_or("an end without a beginning")?;
                    close(&mut open, element)?;
                }
                Event::Text(text) => append(&mut open, &text.xml10_content())?,
                Event::CData(text) => append(&mut open, &text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let text = match reference.resolve_char_ref().map_err(|e| e.to_string())? {
                        Some(character) => character.to_string(),
                        None => resolve_xml_entity(&reference.xml10_content())
                            .ok_or("an entity that nobody knows")?
                            .to_owned(),
                    };
                    append(&mut open, &text)?;
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let [document] = &mut open[..] else { return Err("it ends too early".to_owned()) };
        document.children.pop().ok_or_else(|| "there is no element in it".to_owned())
    }

    /// As text, indented by two.
    pub fn write(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        self.write_to(&mut writer).expect("a Vec takes everything");
        String::from_utf8(writer.into_inner()).expect("only UTF-8 was written")
    }

    fn write_to(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let mut start = BytesStart::new(self.name.as_str());
        for (name, value) in &self.attributes {
            start.push_attribute((name.as_str(), value.as_str()));
        }
        if self.children.is_empty() && self.text.is_empty() {
            return writer.write_event(Event::Empty(start));
        }
        writer.write_event(Event::Start(start))?;
        if !self.text.is_empty() {
            writer.write_event(Event::Text(BytesText::new(&self.text)))?;
        }
        for child in &self.children {
            child.write_to(writer)?;
        }
        writer.write_event(Event::End(BytesEnd::new(self.name.as_str())))
    }

    /// As JSON: attributes as `@name`, elements by name (a list where there are several), text as
    /// `#text`, or alone where there is nothing else.
    pub fn json(&self) -> Value {
        if self.attributes.is_empty() && self.children.is_empty() {
            return Value::String(self.text.clone());
        }
        let mut map = Map::new();
        for (name, value) in &self.attributes {
            map.insert(format!("@{name}"), Value::String(value.clone()));
        }
        if !self.text.is_empty() {
            map.insert("#text".to_owned(), Value::String(self.text.clone()));
        }
        for child in &self.children {
            let value = child.json();
            match map.get_mut(&child.name) {
                None => drop(map.insert(child.name.clone(), value)),
                Some(Value::Array(values)) => values.push(value),
                Some(one) => {
                    let first = one.take();
                    *one = Value::Array(vec![first, value]);
                }
            }
        }
        Value::Object(map)
    }
}

fn begun(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element::new(start.name().as_ref());
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value =
            attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|e| e.to_string())?;
        element = element.with(attribute.key.as_ref(), value);
    }
    Ok(element)
}

fn append(open: &mut [Element], text: &str) -> Result<(), String> {
    open.last_mut().ok_or("a text outside of everything")?.text.push_str(text);
    Ok(())
}

fn close(open: &mut [Element], mut element: Element) -> Result<(), String> {
    if !element.children.is_empty() {
        element.text.clear();
    }
    open.last_mut().ok_or("an end without a beginning")?.children.push(element);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, proptest};

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        // What XML can carry: no control characters but these three.
        "[ -~äß漢🦀\n\t\r]{1,12}".prop_filter("kept", |text| !text.trim().is_empty())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(key in text(), value in text(), deep in text()) {
            let element = Element::new("a")
                .with("key", &key)
                .child(Element::text("b:c", &value))
                .child(Element::new("d").child(Element::text("e", &deep)));
            assert_eq!(Element::read(&element.write()), Ok(element));
        }
    }

    #[test]
    fn a_broken_document_is_refused() {
        for text in ["", "<a>", "<a></b>", "</a>", "<a b=c/>", "<a>&nobody;</a>"] {
            assert!(Element::read(text).is_err(), "{text:?} was read");
        }
        let deep = "<a>".repeat(MAX_DEPTH + 1) + &"</a>".repeat(MAX_DEPTH + 1);
        assert!(Element::read(&deep).expect_err("too deep").contains("64"));
    }

    #[test]
    fn json_keeps_everything() {
        let element =
            Element::read("<a k='1'><b>x</b><b>y</b><c d='2'>t</c><e/></a>").expect("read");
        let wanted = r##"{"@k":"1","b":["x","y"],"c":{"#text":"t","@d":"2"},"e":""}"##;
        assert_eq!(element.json().to_string(), wanted);
    }
}
