using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Tests.Objects;

public sealed class KubeObjectTests
{
    private static readonly JsonObject Pod = JsonText.ParseObject("""
        {"spec":{"nodeName":"n1","hostNetwork":true,"priority":7},"metadata":{"resourceVersion":"3","name":"a","namespace":"x",
         "uid":"u","labels":{"app":"web"}},"apiVersion":"v1","kind":"Pod"}
        """u8);

    [Fact]
    public void Its_bytes_begin_with_type_and_metadata_and_have_no_resource_version()
    {
        var bytes = Encoding.UTF8.GetString(KubeObject.Encode(Pod));

        Assert.StartsWith("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"", bytes, StringComparison.Ordinal);
        Assert.DoesNotContain("resourceVersion", bytes, StringComparison.Ordinal);
    }

    [Fact]
    public void What_everybody_asks_for_is_known_without_a_tree()
    {
        var pod = KubeObject.Read(KubeObject.Encode(Pod), 12);

        Assert.Equal(("Pod", "v1", "a", "x", "u"), (pod.Kind, pod.ApiVersion, pod.Name, pod.Namespace, pod.Uid));
        Assert.Equal("web", pod.Labels["app"]);
        Assert.Equal("n1", pod.Field("spec.nodeName"));
        Assert.Equal("true", pod.Field("spec.hostNetwork"));
        Assert.Equal("7", pod.Field("spec.priority"));
        Assert.Equal("", pod.Field("spec.no.such"));
        Assert.Equal("", pod.Field("status.phase"));
    }

    [Fact]
    public void It_is_handed_out_with_its_resource_version_in_any_version_with_or_without_its_type()
    {
        var pod = KubeObject.Read(KubeObject.Encode(Pod), 12);

        Assert.Equal("12", Written(pod).TextAt("metadata", "resourceVersion"));
        Assert.Equal("v2", Written(pod, "v2").TextAt("apiVersion"));
        var item = Written(pod, withType: false);
        Assert.Equal(["metadata", "spec"], item.Select(field => field.Key));
        Assert.Equal("12", pod.ToJson().TextAt("metadata", "resourceVersion"));
    }

    [Fact]
    public void Metadata_may_be_empty()
    {
        var value = KubeObject.Read(KubeObject.Encode(new JsonObject { ["kind"] = "K" }), 3);

        Assert.Equal("3", Written(value).TextAt("metadata", "resourceVersion"));
    }

    [Fact]
    public void Names_that_come_twice_are_told_and_the_later_counts()
    {
        var duplicates = new List<string>();
        var json = JsonText.Parse("""{"a":{"b":1,"b":2},"c":[{"d":1,"d":3}]}"""u8, duplicates);

        Assert.Equal(["a.b", "c[0].d"], duplicates);
        Assert.Equal(2, json.IntegerAt("a", "b"));
    }

    [Fact]
    public void A_document_that_nests_too_deep_is_refused()
        => Assert.ThrowsAny<JsonException>(() => JsonText.Parse(Encoding.UTF8.GetBytes(new string('[', 100_000))));

    private static JsonObject Written(KubeObject value, string? version = null, bool withType = true)
    {
        var output = new ArrayBufferWriter<byte>();
        value.WriteTo(output, version, withType);
        return JsonText.ParseObject(output.WrittenSpan);
    }
}
