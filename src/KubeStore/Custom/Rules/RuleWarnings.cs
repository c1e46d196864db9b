using System.Globalization;
using KubeStore.Admission;
using KubeStore.Objects;

namespace KubeStore.Custom.Rules;

/// <summary>Tells whoever defines a resource which of its rules will not be looked at.</summary>
internal sealed class RuleWarnings : IAdmissionStep
{
    public ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request is { Resource.Plural: "customresourcedefinitions", Subresource.Length: 0, Object: { } definition })
        {
            var index = 0;
            foreach (var version in definition.ArrayAt("spec", "versions").Objects())
            {
                var path = string.Create(CultureInfo.InvariantCulture, $"spec.versions[{index++}].schema.openAPIV3Schema");
                foreach (var words in ValidationRules.NotEvaluated(version.ObjectAt("schema", "openAPIV3Schema"), path))
                {
                    request.Warnings.Add(words);
                }
            }
        }

        return default;
    }
}
