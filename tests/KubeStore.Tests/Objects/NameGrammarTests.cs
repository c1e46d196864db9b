using KubeStore.Objects;

namespace KubeStore.Tests.Objects;

public sealed class NameGrammarTests
{
    [Theory]
    [InlineData(NameRule.Subdomain, "a.b-c.9", true)]
    [InlineData(NameRule.Subdomain, "A", false)]
    [InlineData(NameRule.Subdomain, "a..b", false)]
    [InlineData(NameRule.Subdomain, "a-", false)]
    [InlineData(NameRule.Dns1123Label, "1a", true)]
    [InlineData(NameRule.Dns1123Label, "a.b", false)]
    [InlineData(NameRule.Dns1035Label, "1a", false)]
    [InlineData(NameRule.Dns1035Label, "a1", true)]
    [InlineData(NameRule.PathSegment, "system:node", true)]
    [InlineData(NameRule.PathSegment, "a/b", false)]
    [InlineData(NameRule.PathSegment, "..", false)]
    public void A_name_follows_the_rule_of_its_kind(NameRule rule, string name, bool isGood)
        => Assert.Equal(isGood, !NameGrammar.ProblemsOfName(rule, name).Any());

    [Fact]
    public void A_prefix_may_end_with_a_dash()
    {
        Assert.Empty(NameGrammar.ProblemsOfName(NameRule.Dns1123Label, "web-", isPrefix: true));
        Assert.NotEmpty(NameGrammar.ProblemsOfName(NameRule.Dns1123Label, "web-"));
    }

    [Theory]
    [InlineData("app", true)]
    [InlineData("example.com/app_1.x", true)]
    [InlineData("/app", false)]
    [InlineData("Example.com/app", false)]
    [InlineData("a/b/c", false)]
    [InlineData("", false)]
    [InlineData("-a", false)]
    public void Keys_of_labels_are_qualified_names(string key, bool isGood)
        => Assert.Equal(isGood, !NameGrammar.ProblemsOfQualified(key).Any());

    [Fact]
    public void Names_that_are_too_long_are_refused()
    {
        Assert.NotEmpty(NameGrammar.ProblemsOfName(NameRule.Dns1123Label, new string('a', 64)));
        Assert.NotEmpty(NameGrammar.ProblemsOfName(NameRule.Subdomain, new string('a', 254)));
        Assert.NotEmpty(NameGrammar.ProblemsOfLabelValue(new string('a', 64)));
        Assert.Empty(NameGrammar.ProblemsOfLabelValue(""));
    }

    [Fact]
    public void A_generated_name_keeps_58_characters_of_its_prefix()
    {
        var name = GeneratedName.From(new string('a', 80), new Random(1));

        Assert.Equal(63, name.Length);
        Assert.StartsWith(new string('a', 58), name, StringComparison.Ordinal);
        Assert.DoesNotContain(name[58..], letter => "aeiou013".Contains(letter, StringComparison.Ordinal));
    }
}
