using System.Text.Json.Nodes;
using KubeStore.Controllers;
using KubeStore.Custom.Rules;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Tests.Registry;

namespace KubeStore.Tests.Custom;

/// <summary>Rules of schemas: expressions, and what becomes of objects that break them.</summary>
public sealed class RuleTests : RegistryFixture
{
    private const string Self = """
        {"replicas":3,"max":5,"ratio":1.5,"name":"web","on":true,"labels":{"a":"x","dash-ed":"y"},"ports":[80,443],"list":[{"k":"a","v":1},{"k":"b","v":2}],"size":"1Gi","time":"2026-01-01T00:00:00Z"}
        """;

    [Theory]
    [InlineData("self.replicas <= self.max && self.name != ''")]
    [InlineData("self.replicas + 2 == self.max && 7 % 4 == 3 && -self.replicas == -3")]
    [InlineData("self.ratio * 2.0 == 3.0 && self.replicas < 3.5 && 10 / 4 == 2")]
    [InlineData("has(self.name) && !has(self.nothing) && !has(self.labels.nothing)")]
    [InlineData("size(self.ports) == 2 && self.ports.size() == 2 && size('äö') == 2 && self.labels.size() == 2")]
    [InlineData("443 in self.ports && 'a' in self.labels && !('b' in self.labels) && self.name in ['web', 'db']")]
    [InlineData("self.ports.all(p, p > 0 && p < 65536) && self.ports.exists(p, p == 80) && self.ports.exists_one(p, p == 80)")]
    [InlineData("self.list.map(e, e.v) == [1, 2] && self.list.filter(e, e.v > 1).map(e, e.k) == ['b'] && self.list.map(e, e.v > 1, e.k) == ['b']")]
    [InlineData("self.list.all(e, self.list.exists_one(f, f.k == e.k))")]
    [InlineData("self.labels.all(k, self.labels[k] in ['x', 'y']) && self.labels['dash-ed'] == 'y' && self.labels.dash__dash__ed == 'y'")]
    [InlineData("self.on ? self.name.startsWith('w') : false")]
    [InlineData("self.name.matches('^[a-z]+$') && self.name.endsWith('b') && self.name.contains('e') && 'WEB'.lowerAscii() == self.name")]
    [InlineData("'a,b,c'.split(',').join('-') == 'a-b-c' && 'hello'.substring(1, 3) == 'el' && 'hello'.replace('l', 'L') == 'heLLo' && ' x '.trim() == 'x'")]
    [InlineData("int('7') == 7 && string(7) == '7' && double(1) == 1.0 && self.ports.sum() == 523 && self.ports.isSorted() && self.ports.max() == 443")]
    [InlineData("self.nothing == 1 || true")]
    [InlineData("!(false && self.nothing == 1)")]
    [InlineData("quantity(self.size).isGreaterThan(quantity('500Mi')) && quantity('1').compareTo(quantity('1000m')) == 0 && isQuantity('1Gi')")]
    [InlineData("duration('1h30m') > duration('80m') && timestamp(self.time) < timestamp('2027-01-01T00:00:00Z') && timestamp(self.time) + duration('24h') == timestamp('2026-01-02T00:00:00Z')")]
    [InlineData("self.?nothing.orValue('x') == 'x' && self.?name.hasValue() && self.?labels.?a.orValue('') == 'x' && self.labels[?'q'].orValue('z') == 'z'")]
    [InlineData("{'a': 1}['a'] == 1 && [1, [2]] == [1, [2]] && \"\\u0041\\n\" == 'A\\n' && r'\\d' == '\\\\d' && 0x10 == 16 && 1e3 == 1000.0 // a note")]
    [InlineData("self.ports[0] == 80 && dyn(self.ports)[1] == 443 && self.list.size() > 1 && self.list[0].k < self.list[1].k")]
    public void Rules_that_hold(string rule) => Assert.True(Evaluated(rule) as bool?);

    [Theory]
    [InlineData("self.nothing == 1", "no such key: nothing")]
    [InlineData("self.ports[7] == 1", "index out of bounds: 7")]
    [InlineData("self.replicas / 0 == 1", "division by zero")]
    [InlineData("9223372036854775807 + 1 > 0", "integer overflow")]
    [InlineData("self.name > 1", "no such overload: _>_(string, int)")]
    [InlineData("self.name.matches('([')", "error parsing regexp")]
    [InlineData("self.ports.all(p, p > 'a')", "no such overload")]
    [InlineData("int('x') == 1", "type conversion error")]
    [InlineData("duration('soon') > duration('1s')", "invalid duration")]
    public void Rules_that_come_to_nothing_say_why(string rule, string words)
        => Assert.Contains(words, Assert.Throws<RuleException>(() => Evaluated(rule)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("self.a ==")]
    [InlineData("(self.a")]
    [InlineData("self.a = 1")]
    [InlineData("'a")]
    [InlineData("has(self)")]
    [InlineData("self..a")]
    [InlineData("1 2")]
    [InlineData("'\\q'")]
    [InlineData("#")]
    [InlineData("")]
    public void What_is_no_expression_is_told(string rule) => Assert.Throws<FormatException>(() => RuleParser.Read(rule));

    [Fact]
    public void Depth_and_work_have_an_end()
    {
        Assert.Throws<FormatException>(() => RuleParser.Read(new string('(', 10_000)));
        Assert.Throws<FormatException>(() => RuleParser.Read(new string('!', 1000) + "true"));
        Assert.Throws<FormatException>(() => RuleParser.Read(string.Concat(Enumerable.Repeat("true && ", 10_000)) + "true"));
        Assert.True(Evaluated(string.Concat(Enumerable.Repeat("true && ", 900)) + "true") as bool?);
        var nested = "self.many.all(a, self.many.all(b, self.many.all(c, a + b + c >= 0)))";
        var many = new JsonObject { ["many"] = JsonAccess.ToArray(Enumerable.Range(0, 300).Select(i => (JsonNode?)JsonValue.Create((long)i))) };
        Assert.Throws<RuleBudgetException>(() => Evaluated(nested, many));
    }

    [Fact]
    public async Task An_object_that_breaks_a_rule_is_refused_with_its_message_and_its_place()
    {
        await DefineAsync("""
            {"type":"object","x-kubernetes-validations":[{"rule":"self.metadata.name != 'root'","message":"not that name"}],
             "properties":{"spec":{"type":"object","properties":{
                "min":{"type":"integer"},"max":{"type":"integer"},
                "name":{"type":"string","x-kubernetes-validations":[{"rule":"self == oldSelf","message":"name is immutable","reason":"FieldValueForbidden"}]},
                "ports":{"type":"array","items":{"type":"integer","x-kubernetes-validations":[{"rule":"self > 0"}]}}},
              "x-kubernetes-validations":[{"rule":"!has(self.max) || self.min <= self.max","messageExpression":"'min ' + string(self.min) + ' > max'","fieldPath":".min"}]}}}
            """);
        await using var controllers = await KubeControllers.StartAsync(Kube, Cancellation);
        await ServedAsync();
        var refused = await RefusedAsync(() => MakeAsync("a", """{"min":3,"max":2,"ports":[1,0]}"""));
        Assert.Equal(
            "Thing.x.example \"a\" is invalid: [spec.min: Invalid value: \"object\": min 3 > max, spec.ports[1]: Invalid value: \"integer\": failed rule: self > 0]",
            refused.Message);
        Assert.Contains("not that name", (await RefusedAsync(() => MakeAsync("root", "{}"))).Message, StringComparison.Ordinal);
        Assert.Contains("no such key: min evaluating rule", (await RefusedAsync(() => MakeAsync("a", """{"max":2}"""))).Message, StringComparison.Ordinal);
        var made = await MakeAsync("a", """{"min":1,"max":2,"name":"x"}""");
        made["spec"]!["name"] = "y";
        Assert.Contains("spec.name: Forbidden: name is immutable", (await RefusedAsync(() => UpdateAsync("things", "default", made))).Message, StringComparison.Ordinal);
        made["spec"]!["name"] = "x";
        made["spec"]!["max"] = 4;
        await UpdateAsync("things", "default", made);
    }

    [Fact]
    public async Task Rules_that_are_none_are_refused_and_those_that_are_not_known_are_told()
    {
        var refused = await RefusedAsync(() => DefineAsync("""{"type":"object","x-kubernetes-validations":[{"rule":"self.a =="},{"rule":"other.b"},{"rule":""}]}"""));
        Assert.Equal(422, refused.Code);
        Assert.Equal(
            ["rule", "rule", "rule"],
            refused.Causes.Where(one => one.Field.Contains("x-kubernetes-validations", StringComparison.Ordinal)).Select(one => one.Field.Split('.')[^1]));
        var warnings = new List<string>();
        await DefineAsync("""{"type":"object","properties":{"u":{"type":"string","x-kubernetes-validations":[{"rule":"url(self).getScheme() == 'https'"}]}}}""", new() { Warnings = warnings });
        Assert.Equal("spec.versions[0].schema.openAPIV3Schema.properties.u.x-kubernetes-validations[0].rule: the function \"getScheme\" is not known here; the rule is not evaluated", Assert.Single(warnings));
    }

    private static object? Evaluated(string rule, JsonObject? self = null)
    {
        var budget = new RuleBudget(10_000_000);
        budget.Begin(1_000_000);
        return new RuleEvaluation(budget, new Dictionary<string, object?> { ["self"] = self ?? Json(Self) }).Of(RuleParser.Read(rule));
    }

    private Task<JsonObject> DefineAsync(string schema, WriteOptions? options = null) => CreateAsync(
        "customresourcedefinitions",
        "",
        "{\"metadata\":{\"name\":\"things.x.example\"},\"spec\":{\"group\":\"x.example\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"things\",\"kind\":\"Thing\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":" + schema + "}}]}}",
        options);

    private Task<JsonObject> MakeAsync(string name, string spec)
        => CreateAsync("things", "default", "{\"apiVersion\":\"x.example/v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"" + name + "\"},\"spec\":" + spec + "}");

    private async Task ServedAsync()
    {
        while (Kube.Catalog.Find("x.example", "v1", "things") is null)
        {
            await Task.Delay(5, Cancellation);
        }
    }
}
