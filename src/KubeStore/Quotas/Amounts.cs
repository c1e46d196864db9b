using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Schema;

namespace KubeStore.Quotas;

/// <summary>How much of what: <c>pods</c> 2, <c>requests.cpu</c> 1.5.</summary>
internal sealed class Amounts : SortedDictionary<string, decimal>
{
    public Amounts()
        : base(StringComparer.Ordinal)
    {
    }

    public static Amounts Of(JsonObject? json)
    {
        var amounts = new Amounts();
        foreach (var (name, value) in json ?? [])
        {
            amounts[name] = Quantity.TryParse(value.AsText(), out var amount) ? amount : 0;
        }

        return amounts;
    }

    public void Add(string name, decimal amount, bool keepsLarger = false)
    {
        var before = this.GetValueOrDefault(name);
        this[name] = keepsLarger ? Math.Max(before, amount) : before + amount;
    }

    public void Add(Amounts others, decimal times = 1)
    {
        foreach (var (name, amount) in others)
        {
            Add(name, amount * times);
        }
    }

    /// <summary>Only what is named there.</summary>
    public Amounts Only(ICollection<string> names)
    {
        var some = new Amounts();
        foreach (var (name, amount) in this.Where(one => names.Contains(one.Key)))
        {
            some[name] = amount;
        }

        return some;
    }

    /// <summary>As values of a status: those of <paramref name="like"/> say whether memory is counted in Mi or in M.</summary>
    public JsonObject ToJson(JsonObject? like)
    {
        var json = new JsonObject();
        foreach (var (name, amount) in this)
        {
            json[name] = Quantity.Format(amount, like.At(name).AsText());
        }

        return json;
    }

    /// <summary><c>cpu=500m,pods=2</c>, as kubectl's users read it.</summary>
    public string Shown(JsonObject? like)
        => string.Join(',', this.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Key}={Quantity.Format(one.Value, like.At(one.Key).AsText())}")));
}
