using KubeStore.Selectors;

namespace KubeStore.Tests.Selectors;

public sealed class SelectorTests
{
    private static readonly Dictionary<string, string> Labels = new() { ["app"] = "web", ["size"] = "7", ["empty"] = "" };

    [Theory]
    [InlineData("", true)]
    [InlineData("app", true)]
    [InlineData("!app", false)]
    [InlineData("app=web", true)]
    [InlineData("app == web", true)]
    [InlineData("app!=web", false)]
    [InlineData("other!=web", true)]
    [InlineData("app in (db, web)", true)]
    [InlineData("app notin (db,web)", false)]
    [InlineData("other notin (db)", true)]
    [InlineData("empty in ()", true)]
    [InlineData("empty=", true)]
    [InlineData("size>5,size<8", true)]
    [InlineData("size>7", false)]
    [InlineData("app=web,!gone", true)]
    public void Labels_are_selected(string selector, bool isMatch) => Assert.Equal(isMatch, LabelSelector.Parse(selector).Matches(Labels));

    [Theory]
    [InlineData("app=web,")]
    [InlineData("=web")]
    [InlineData("app like web")]
    [InlineData("app in (web")]
    [InlineData("size>x")]
    [InlineData("app=$")]
    [InlineData("-app")]
    public void A_label_selector_that_is_none_is_refused(string selector)
        => Assert.Throws<FormatException>(() => LabelSelector.Parse(selector));

    [Theory]
    [InlineData("metadata.name=a", true)]
    [InlineData("metadata.name==a,spec.x!=c", true)]
    [InlineData("metadata.name!=a", false)]
    [InlineData("spec.x=b\\,\\=\\\\", true)]
    [InlineData("spec.missing=", true)]
    public void Fields_are_selected(string selector, bool isMatch)
        => Assert.Equal(isMatch, FieldSelector.Parse(selector).Matches(field => field switch { "metadata.name" => "a", "spec.x" => "b,=\\", _ => "" }));

    [Theory]
    [InlineData("metadata.name")]
    [InlineData("a=b=c")]
    [InlineData("a=\\x")]
    public void A_field_selector_that_is_none_is_refused(string selector)
        => Assert.Throws<FormatException>(() => FieldSelector.Parse(selector));

    [Fact]
    public void A_continue_token_says_where_to_go_on()
    {
        var token = new ContinueToken(17, "default/a\0");

        Assert.Equal(token, ContinueToken.Decode(token.Encode()));
    }

    [Theory]
    [InlineData("!")]
    [InlineData("e30")]
    [InlineData("eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJhIn0")]
    [InlineData("eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi9hIn0")]
    public void A_continue_token_that_leads_elsewhere_is_refused(string token)
        => Assert.Throws<FormatException>(() => ContinueToken.Decode(token));
}
