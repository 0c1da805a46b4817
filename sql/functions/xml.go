package functions

import "kimberlite/sql/types"

// The XML functions answer as those of a PostgreSQL built without libxml: as the input function of type xml does.
func init() {
	refuse := func(c *Call, _ []types.Datum) (types.Datum, error) {
		return types.In(c.Env.IO, types.Of(types.OIDXml), "")
	}
	for _, src := range []string{
		"xmlcomment", "texttoxml", "xmlvalidate", "xmlexists", "xpath", "xpath_exists", "xml_is_well_formed", "xml_is_well_formed_document",
		"xml_is_well_formed_content", "table_to_xml", "query_to_xml", "cursor_to_xml", "table_to_xmlschema", "query_to_xmlschema",
		"cursor_to_xmlschema", "table_to_xml_and_xmlschema", "query_to_xml_and_xmlschema", "schema_to_xml", "schema_to_xmlschema",
		"schema_to_xml_and_xmlschema", "database_to_xml", "database_to_xmlschema", "database_to_xml_and_xmlschema",
	} {
		scalar(src, refuse)
	}
	scalarOID(2932, refuse) // xpath(text, xml)
	scalarOID(3050, refuse) // xpath_exists(text, xml)
}
