using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Patches;
using KubeStore.Schema;

namespace KubeStore.Tests.Patches;

public sealed class PatchTests
{
    private static readonly ValueSchema Deployment = TypeTable.BuiltIn.Find("apps/v1.Deployment")!;

    [Theory]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/b","value":[1]},{"op":"add","path":"/b/-","value":2},{"op":"add","path":"/b/0","value":0}]""", """{"a":1,"b":[0,1,2]}""")]
    [InlineData("""{"a":{"x/y":1,"m~n":2}}""", """[{"op":"remove","path":"/a/x~1y"},{"op":"replace","path":"/a/m~0n","value":3}]""", """{"a":{"m~n":3}}""")]
    [InlineData("""{"a":[1,2,3]}""", """[{"op":"move","from":"/a/0","path":"/b"},{"op":"copy","from":"/b","path":"/a/-"},{"op":"test","path":"/a","value":[2,3,1]}]""", """{"a":[2,3,1],"b":1}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"replace","path":"/a/1","value":null}]""", """{"a":[1,null]}""")]
    public void Operations_are_done_one_after_the_other(string value, string patch, string result)
        => Assert.Equal(result, JsonPatch.Apply(JsonNode.Parse(value), JsonNode.Parse(patch))!.ToJsonString());

    [Theory]
    [InlineData("""[{"op":"remove","path":"/x"}]""", 422)]
    [InlineData("""[{"op":"replace","path":"/x","value":1}]""", 422)]
    [InlineData("""[{"op":"add","path":"/x/y","value":1}]""", 422)]
    [InlineData("""[{"op":"test","path":"/a","value":2}]""", 422)]
    [InlineData("""[{"op":"add","path":"/a/01","value":2}]""", 422)]
    [InlineData("""[{"op":"add","path":"x","value":2}]""", 400)]
    [InlineData("""[{"op":"add","path":"/x"}]""", 400)]
    [InlineData("""{"a":1}""", 400)]
    [InlineData("""[1]""", 400)]
    public void An_operation_that_cannot_be_done_fails_the_patch(string patch, int code)
        => Assert.Equal(code, Assert.Throws<StatusException>(() => JsonPatch.Apply(JsonNode.Parse("""{"a":1}"""), JsonNode.Parse(patch))).Status.Code);

    [Fact]
    public void A_merge_patch_lays_a_document_over_another()
        => Assert.Equal(
            """{"a":{"c":3},"d":[2],"e":{"f":{}}}""",
            MergePatch.Apply(JsonNode.Parse("""{"a":{"b":1,"c":2},"d":[1]}"""), JsonNode.Parse("""{"a":{"b":null,"c":3},"d":[2],"e":{"f":{"g":null}}}"""))!.ToJsonString());

    [Fact]
    public void Elements_of_lists_are_merged_by_their_keys()
        => Assert.Equal(
            """[{"name":"c","image":"new","env":[{"name":"B","value":"2"},{"name":"A","value":"1"}]},{"name":"d","image":"x"}]""",
            Containers(
                """[{"name":"c","image":"old","env":[{"name":"A","value":"1"}]}]""",
                """{"containers":[{"name":"c","image":"new","env":[{"name":"B","value":"2"}]},{"name":"d","image":"x"}]}"""));

    [Fact]
    public void A_container_that_is_renamed_the_way_kubectl_says_it()
        => Assert.Equal(
            """[{"image":"nginx:1","name":"c2"}]""",
            Containers(
                """[{"name":"c","image":"nginx:1"}]""",
                """{"$setElementOrder/containers":[{"name":"c2"}],"containers":[{"image":"nginx:1","name":"c2"},{"$patch":"delete","name":"c"}]}"""));

    [Fact]
    public void What_the_server_has_added_keeps_its_place()
        => Assert.Equal(
            """[{"name":"sidecar"},{"name":"b"},{"name":"a"}]""",
            Containers(
                """[{"name":"sidecar"},{"name":"a"},{"name":"b"}]""",
                """{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"b"},{"name":"a"}]}"""));

    [Fact]
    public void Directives_replace_delete_and_retain()
    {
        var spec = Patched(
            """{"replicas":1,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}},"selector":{"matchLabels":{"a":"b"}}}""",
            """{"replicas":null,"strategy":{"$retainKeys":["type"],"type":"Recreate"},"selector":{"$patch":"replace","matchLabels":{"c":"d"}}}""");

        Assert.Equal("""{"strategy":{"type":"Recreate"},"selector":{"matchLabels":{"c":"d"}}}""", spec.ToJsonString());
    }

    [Fact]
    public void Lists_of_plain_values_are_joined_and_values_taken_out()
    {
        var value = JsonText.ParseObject("""{"metadata":{"finalizers":["a","b"]}}"""u8);
        var patch = JsonText.ParseObject("""{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"finalizers":["c","b"]}}"""u8);

        Assert.Equal(["b", "c"], StrategicMergePatch.Apply(value, patch, Deployment).ArrayAt("metadata", "finalizers").Texts());
    }

    [Fact]
    public void An_element_without_its_key_is_refused()
        => Assert.Contains(
            "does not contain declared merge key: name",
            Assert.Throws<StatusException>(() => Containers("[]", """{"containers":[{"image":"x"}]}""")).Status.Message,
            StringComparison.Ordinal);

    private static string Containers(string there, string patch)
        => Patched("{\"template\":{\"spec\":{\"containers\":" + there + "}}}", "{\"template\":{\"spec\":" + patch + "}}")
            .At("template", "spec", "containers")!.ToJsonString();

    private static JsonObject Patched(string spec, string patch)
        => StrategicMergePatch.Apply(
            (JsonObject)JsonNode.Parse("{\"spec\":" + spec + "}")!, (JsonObject)JsonNode.Parse("{\"spec\":" + patch + "}")!, Deployment).ObjectAt("spec")!;
}
