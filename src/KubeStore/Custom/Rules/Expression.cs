namespace KubeStore.Custom.Rules;

/// <summary>An expression of the Common Expression Language, as far as rules of schemas use it.</summary>
internal abstract record Expression
{
    /// <summary>Something that is written as it is.</summary>
    public sealed record Literal(object? Value) : Expression;

    public sealed record Name(string Text) : Expression;

    /// <summary>A field. <see cref="IsOptional"/>: nothing, if it is not there; <see cref="IsTest"/>: only whether it is.</summary>
    public sealed record Field(Expression Of, string Text, bool IsOptional = false, bool IsTest = false) : Expression;

    public sealed record Element(Expression Of, Expression Index, bool IsOptional = false) : Expression;

    /// <summary>A function, of a value if there is one before the dot.</summary>
    public sealed record Call(Expression? Of, string Function, IReadOnlyList<Expression> Arguments) : Expression;

    /// <summary>Something that is asked of, or made of, each element of a list or each key of a map.</summary>
    public sealed record Each(Expression Of, string Macro, string Variable, IReadOnlyList<Expression> Bodies) : Expression;

    public sealed record Unary(string Sign, Expression Of) : Expression;

    public sealed record Binary(string Sign, Expression Left, Expression Right) : Expression;

    public sealed record Choice(Expression If, Expression Then, Expression Else) : Expression;

    public sealed record List(IReadOnlyList<Expression> Elements) : Expression;

    public sealed record Map(IReadOnlyList<(Expression Key, Expression Value)> Entries) : Expression;
}
