using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Schema;

namespace KubeStore.Discovery;

/// <summary>The shape of everything, in OpenAPI: what <c>kubectl explain</c> tells, and what it checks manifests by.</summary>
internal static class OpenApiDocuments
{
    private static readonly string[] PatchTypes =
        ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml", "application/strategic-merge-patch+json"];

    /// <summary>The path below which a group and version stands in the index.</summary>
    public static string PathOf(GroupVersion version) => version.Group.Length > 0 ? $"apis/{version}" : $"api/{version}";

    /// <summary>One group and version, in OpenAPI 3.</summary>
    public static JsonObject Of(ResourceCatalog catalog, GroupVersion version)
    {
        var schemas = new SchemaSet("#/components/schemas/");
        var paths = new JsonObject();
        foreach (var resource in catalog.All.Where(one => one.GroupVersion == version).OrderBy(one => one.Plural, StringComparer.Ordinal))
        {
            var name = schemas.Add(resource);
            AddPaths(paths, resource, name);
        }

        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = "v1.32.0" },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas.ToJson() },
        };
    }

    /// <summary>Everything, in OpenAPI 2: the definitions.</summary>
    public static JsonObject Swagger(ResourceCatalog catalog)
    {
        var schemas = new SchemaSet("#/definitions/");
        foreach (var resource in catalog.All)
        {
            schemas.Add(resource);
        }

        return new JsonObject
        {
            ["swagger"] = "2.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = "v1.32.0" },
            ["paths"] = new JsonObject(),
            ["definitions"] = schemas.ToJson(),
        };
    }

    private static void AddPaths(JsonObject paths, ResourceDefinition resource, string schema)
    {
        var root = $"/{PathOf(resource.GroupVersion)}/{(resource.IsNamespaced ? "namespaces/{namespace}/" : "")}{resource.Plural}";
        var collection = new JsonObject();
        var item = new JsonObject();
        foreach (var verb in resource.Verbs)
        {
            var (target, method, action) = verb switch
            {
                "create" => (collection, "post", "post"),
                "list" => (collection, "get", "list"),
                "deletecollection" => (collection, "delete", "deletecollection"),
                "get" => (item, "get", "get"),
                "update" => (item, "put", "put"),
                "patch" => (item, "patch", "patch"),
                "delete" => (item, "delete", "delete"),
                _ => (collection, "", ""),
            };
            if (method.Length > 0)
            {
                target[method] = Operation(resource, action, schema);
            }
        }

        Put(paths, root, collection);
        Put(paths, root + "/{name}", item);
    }

    private static void Put(JsonObject paths, string path, JsonObject operations)
    {
        if (operations.Count > 0)
        {
            paths[path] = operations;
        }
    }

    private static JsonObject Operation(ResourceDefinition resource, string action, string schema)
    {
        var operation = new JsonObject
        {
            ["operationId"] = $"{action}{resource.Version}{resource.Kind}",
            ["x-kubernetes-action"] = action,
            ["x-kubernetes-group-version-kind"] = Kind(resource.GroupVersionKind),
            ["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK", ["content"] = Content(["application/json"], schema) } },
        };
        string[] parameters = action is "post" or "put" or "patch" ? ["dryRun", "fieldManager", "fieldValidation"] : [];
        if (action == "patch")
        {
            parameters = [.. parameters, "force"];
        }

        if (parameters.Length > 0)
        {
            operation["parameters"] = JsonAccess.ToArray(parameters.Select(name => new JsonObject
            {
                ["name"] = name,
                ["in"] = "query",
                ["schema"] = new JsonObject { ["type"] = name == "force" ? "boolean" : "string" },
            }));
            operation["requestBody"] = new JsonObject
            {
                ["content"] = Content(action != "patch" ? ["application/json"] : resource.IsBuiltIn ? PatchTypes : PatchTypes[..3], schema),
            };
        }

        return operation;
    }

    private static JsonObject Content(IEnumerable<string> types, string schema)
    {
        var content = new JsonObject();
        foreach (var type in types)
        {
            content[type] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = "#/components/schemas/" + schema } };
        }

        return content;
    }

    internal static JsonObject Kind(GroupVersionKind kind) => new() { ["group"] = kind.Group, ["kind"] = kind.Kind, ["version"] = kind.Version };
}

/// <summary>The schemas of a document, each once.</summary>
internal sealed class SchemaSet(string reference)
{
    private readonly SortedDictionary<string, JsonObject> _schemas = new(StringComparer.Ordinal);

    public JsonObject ToJson()
    {
        var all = new JsonObject();
        foreach (var (name, schema) in _schemas)
        {
            all[name] = schema;
        }

        return all;
    }

    /// <summary>Adds a kind and everything it is made of; returns what it is called.</summary>
    public string Add(ResourceDefinition resource)
    {
        var name = resource.Schema.TypeName.Length > 0
            ? NameOf(resource.Schema.TypeName)
            : $"{string.Join('.', resource.Group.Split('.').Reverse())}.{resource.Version}.{resource.Kind}";
        if (resource.Schema.TypeName.Length > 0)
        {
            AddStruct(resource.Schema);
        }
        else
        {
            _schemas[name] = resource.OpenApi?.DeepClone() as JsonObject ?? new JsonObject { ["type"] = "object" };
        }

        var schema = _schemas[name];
        var properties = schema.Ensure("properties");
        properties["apiVersion"] = Described("string", "APIVersion defines the versioned schema of this representation of an object.");
        properties["kind"] = Described("string", "Kind is a string value representing the REST resource this object represents.");
        if (resource.Schema.TypeName.Length == 0)
        {
            properties["metadata"] = Reference(TypeTable.BuiltIn.Find("meta/v1.ObjectMeta")!);
        }

        schema["x-kubernetes-group-version-kind"] = JsonAccess.ToArray([OpenApiDocuments.Kind(resource.GroupVersionKind)]);
        return name;
    }

    private static string NameOf(string type)
    {
        var slash = type.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? $"io.k8s.apimachinery.pkg.{type}"
            : type.StartsWith("meta/", StringComparison.Ordinal) ? $"io.k8s.apimachinery.pkg.apis.{type.Replace('/', '.')}"
            : type.StartsWith("apiextensions/", StringComparison.Ordinal) ? $"io.k8s.apiextensions-apiserver.pkg.apis.{type.Replace('/', '.')}"
            : $"io.k8s.api.{type.Replace('/', '.')}";
    }

    private void AddStruct(ValueSchema schema)
    {
        var name = NameOf(schema.TypeName);
        if (_schemas.ContainsKey(name))
        {
            return;
        }

        // First, because types contain themselves.
        var json = _schemas[name] = new JsonObject { ["type"] = "object" };
        var properties = new JsonObject();
        foreach (var field in schema.Fields.Values)
        {
            var property = Of(field.Schema);
            if (field.PatchStrategy.Count > 0)
            {
                property["x-kubernetes-patch-strategy"] = string.Join(',', field.PatchStrategy);
            }

            if (field.PatchMergeKey.Length > 0)
            {
                property["x-kubernetes-patch-merge-key"] = field.PatchMergeKey;
            }

            properties[field.Name] = property;
        }

        json["properties"] = properties;
        var required = schema.Fields.Values.Where(field => field.IsRequired).Select(field => field.Name).ToList();
        if (required.Count > 0)
        {
            json["required"] = JsonAccess.ToArray(required);
        }

        if (schema.IsAtomic)
        {
            json["x-kubernetes-map-type"] = "atomic";
        }
    }

    private JsonObject Of(ValueSchema schema)
    {
        switch (schema.Kind)
        {
            case ValueKind.Struct when schema.TypeName.Length > 0:
                return Reference(schema);
            case ValueKind.Map:
                var map = new JsonObject { ["type"] = "object", ["additionalProperties"] = Of(schema.Element) };
                if (schema.IsAtomic)
                {
                    map["x-kubernetes-map-type"] = "atomic";
                }

                return map;
            case ValueKind.List:
                var list = new JsonObject { ["type"] = "array", ["items"] = Of(schema.Element) };
                list["x-kubernetes-list-type"] = schema.ListType switch { ListType.Map => "map", ListType.Set => "set", _ => "atomic" };
                if (schema.ListType == ListType.Map)
                {
                    list["x-kubernetes-list-map-keys"] = JsonAccess.ToArray(schema.ListKeys);
                }

                return list;
            default:
                return Scalar(schema.Kind);
        }
    }

    private JsonObject Reference(ValueSchema schema)
    {
        AddStruct(schema);
        return new JsonObject { ["allOf"] = JsonAccess.ToArray([new JsonObject { ["$ref"] = reference + NameOf(schema.TypeName) }]) };
    }

    private static JsonObject Scalar(ValueKind kind) => kind switch
    {
        ValueKind.Boolean => new() { ["type"] = "boolean" },
        ValueKind.Int32 => new() { ["type"] = "integer", ["format"] = "int32" },
        ValueKind.Int64 => new() { ["type"] = "integer", ["format"] = "int64" },
        ValueKind.Float => new() { ["type"] = "number", ["format"] = "double" },
        ValueKind.Bytes => new() { ["type"] = "string", ["format"] = "byte" },
        ValueKind.Time or ValueKind.MicroTime => new() { ["type"] = "string", ["format"] = "date-time" },
        ValueKind.IntOrString => new() { ["type"] = "string", ["format"] = "int-or-string" },
        ValueKind.Quantity => new() { ["oneOf"] = JsonAccess.ToArray([new JsonObject { ["type"] = "string" }, new JsonObject { ["type"] = "number" }]) },
        ValueKind.Any or ValueKind.Struct => new() { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true },
        _ => new() { ["type"] = "string" },
    };

    private static JsonObject Described(string type, string description) => new() { ["type"] = type, ["description"] = description };
}
